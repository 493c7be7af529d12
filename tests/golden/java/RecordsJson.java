import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;

/** What Kafka's reader finds in a set of records, as JSON; keys and values are in base64. */
final class RecordsJson {
    private RecordsJson() {}

    /** Adds the records of all batches to the array, in order. */
    static void addRecords(MemoryRecords records, ArrayNode array) {
        for (Record record : records.records()) {
            ObjectNode node = array.addObject();
            node.put("offset", record.offset()).put("timestamp", record.timestamp());
            node.put("key", record.hasKey() ? bytes(record.key()) : null);
            node.put("value", record.hasValue() ? bytes(record.value()) : null);
            ArrayNode headers = node.putArray("headers");
            for (Header header : record.headers()) {
                headers.addArray().add(header.key()).add(header.value());
            }
        }
    }

    /** Adds what the header of each batch says to the array; a wrong checksum is an error. */
    static void addBatches(MemoryRecords records, ArrayNode array) {
        for (MutableRecordBatch batch : records.batches()) {
            batch.ensureValid();
            Integer count = batch.countOrNull();
            array.addObject()
                .put("baseOffset", batch.baseOffset())
                .put("lastOffset", batch.lastOffset())
                .put("magic", batch.magic())
                .put("compression", batch.compressionType().name)
                .put("timestampType", batch.timestampType().toString())
                .put("maxTimestamp", batch.maxTimestamp())
                .put("partitionLeaderEpoch", batch.partitionLeaderEpoch())
                .put("producerId", batch.producerId())
                .put("producerEpoch", batch.producerEpoch())
                .put("baseSequence", batch.baseSequence())
                .put("transactional", batch.isTransactional())
                .put("control", batch.isControlBatch())
                .put("count", count);
        }
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}
