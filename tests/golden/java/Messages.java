import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Writes messages as Kafka's own generated classes write them.
 *
 * <p>Reads JSON lines with type, name, version and body (in the JSON of Kafka's converters) on
 * stdin, and prints each with the bytes added as hex, or with an error added.
 */
final class Messages {
    private Messages() {}

    public static void main(String[] arguments) throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode node = (ObjectNode) mapper.readTree(line);
            try {
                short version = (short) node.get("version").asInt();
                KafkaMessage kind = KafkaMessage.named(node.get("type").asText(), node.get("name").asText());
                node.put("hex", Hex.encode(KafkaMessage.bytes(kind.fromJson(node.get("body"), version), version)));
            } catch (ReflectiveOperationException | RuntimeException error) {
                node.put("error", KafkaMessage.reason(error));
            }
            out.println(node);
            out.flush();
        }
    }
}
