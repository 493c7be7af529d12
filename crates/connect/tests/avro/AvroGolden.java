// Writes golden.jsonl anew: what Apache Avro's own Java library makes of the cases on standard
// input, one a line. Run in this folder, with the jars of org.apache.avro:avro:1.12.0 in lib:
//
//   java -cp 'lib/*' AvroGolden.java < golden.jsonl > new.jsonl
//
// A case is {"schema", "value"}, the value as Avro's JSON has it, and comes back with the "hex" of its
// binary; one with a "reader" comes back with what that schema reads, as "read", or with "refused".

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.avro.AvroTypeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.io.JsonEncoder;

public class AvroGolden {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            ObjectNode written = (ObjectNode) JSON.readTree(line);
            Schema schema = schema(written.get("schema"));
            byte[] binary = binary(schema, written.get("value"));
            written.put("hex", HexFormat.of().formatHex(binary));
            if (written.has("reader")) {
                read(written, schema, schema(written.get("reader")), binary);
            }
            System.out.println(JSON.writeValueAsString(written));
        }
    }

    private static Schema schema(JsonNode node) {
        return new Schema.Parser().parse(node.toString());
    }

    private static byte[] binary(Schema schema, JsonNode value) throws Exception {
        var decoder = DecoderFactory.get().jsonDecoder(schema, value.toString());
        Object datum = new GenericDatumReader<>(schema).read(null, decoder);
        var bytes = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
        new GenericDatumWriter<>(schema).write(datum, encoder);
        encoder.flush();
        return bytes.toByteArray();
    }

    private static void read(ObjectNode written, Schema writer, Schema reader, byte[] binary)
            throws Exception {
        Object datum;
        try {
            var decoder = DecoderFactory.get().binaryDecoder(binary, null);
            datum = new GenericDatumReader<>(writer, reader).read(null, decoder);
        } catch (AvroTypeException refused) {
            written.put("refused", true);
            return;
        }
        var bytes = new ByteArrayOutputStream();
        JsonEncoder encoder = EncoderFactory.get().jsonEncoder(reader, bytes);
        new GenericDatumWriter<>(reader).write(datum, encoder);
        encoder.flush();
        written.set("read", JSON.readTree(bytes.toString(StandardCharsets.UTF_8)));
    }
}
