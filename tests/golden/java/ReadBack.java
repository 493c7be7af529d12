import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Reads with Kafka's own classes what another implementation wrote.
 *
 * <p>Every JSON line on stdin is answered by one on stdout. A line with type, name, version and hex
 * is a message: the answer has its body, the bytes that Kafka writes for it (hex), and how many
 * bytes were left over (left). A line with hex alone is a set of records: the answer has batches
 * and records. Where Kafka finds something wrong, the answer has error alone.
 */
final class ReadBack {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private ReadBack() {}

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(answer((ObjectNode) MAPPER.readTree(line)));
            out.flush();
        }
    }

    private static ObjectNode answer(ObjectNode question) {
        try {
            return question.has("name") ? message(question) : records(question);
        } catch (ReflectiveOperationException | RuntimeException error) {
            return MAPPER.createObjectNode().put("error", KafkaMessage.reason(error));
        }
    }

    private static ObjectNode message(ObjectNode question) throws ReflectiveOperationException {
        short version = (short) question.get("version").asInt();
        KafkaMessage kind = KafkaMessage.named(question.get("type").asText(), question.get("name").asText());
        ByteBuffer buffer = Hex.decode(question.get("hex").asText());
        Message message = kind.fromBytes(buffer, version);
        ObjectNode answer = MAPPER.createObjectNode();
        answer.set("name", question.get("name"));
        answer.put("version", version);
        answer.set("body", kind.toJson(message, version));
        return answer.put("hex", Hex.encode(KafkaMessage.bytes(message, version))).put("left", buffer.remaining());
    }

    private static ObjectNode records(ObjectNode question) {
        MemoryRecords records = MemoryRecords.readableRecords(Hex.decode(question.get("hex").asText()));
        ObjectNode answer = MAPPER.createObjectNode();
        RecordsJson.addBatches(records, answer.putArray("batches"));
        RecordsJson.addRecords(records, answer.putArray("records"));
        return answer;
    }
}
