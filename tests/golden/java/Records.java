import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;

/**
 * Writes sets of records as Kafka's own builder writes them, with what Kafka's reader finds in them.
 *
 * <p>Usage: Records SEED COUNT; prints COUNT sets for each of 13 pairs of magic and codec, each at
 * the lowest and at the highest level of the codec: 26 x COUNT JSON lines.
 */
final class Records {
    private static final byte[] JSON_LIKE =
        "{\"event\":\"click\",\"user\":\"".getBytes(StandardCharsets.US_ASCII);
    private static final int[] SIZES = {0, 1, 7, 60, 400, 3000};
    private static final int[] COUNTS = {1, 2, 17, 150};

    private Records() {}

    public static void main(String[] arguments) throws Exception {
        long seed = Long.parseLong(arguments[0]);
        int count = Integer.parseInt(arguments[1]);
        ObjectMapper mapper = new ObjectMapper();
        for (byte magic = 0; magic <= 2; magic++) {
            for (CompressionType codec : CompressionType.values()) {
                if (codec == CompressionType.ZSTD && magic < 2) {
                    continue; // KIP-110: zstd came with magic 2.
                }
                for (int index = 0; index < count; index++) {
                    for (int level = 0; level < 2; level++) {
                        Random random = new Random(
                            seed * 1000003 + magic * 7919 + codec.id * 104729L + index * 31L + level);
                        ObjectNode set = set(mapper, random, magic, codec, index, level == 1);
                        System.out.println(mapper.writeValueAsString(set));
                    }
                }
            }
        }
    }

    /** One set; odd ones hold text that compresses well, even ones random bytes. */
    private static ObjectNode set(
        ObjectMapper mapper, Random random, byte magic, CompressionType codec, int index, boolean highest) {
        boolean isText = index % 2 == 1;
        boolean transactional = magic == 2 && random.nextBoolean();
        boolean hasProducer = transactional || (magic == 2 && random.nextBoolean());
        long producerId = hasProducer ? Math.abs(random.nextLong()) : RecordBatch.NO_PRODUCER_ID;
        short epoch = producerId < 0 ? RecordBatch.NO_PRODUCER_EPOCH : (short) random.nextInt(30000);
        int sequence = producerId < 0 ? RecordBatch.NO_SEQUENCE : random.nextInt(Integer.MAX_VALUE - 1000);
        long base = magic == 2
            ? (long) random.nextInt(1 << 30) * (1 + random.nextInt(1000))
            : random.nextInt(1 << 30);
        int count = COUNTS[random.nextInt(COUNTS.length)];
        TimestampType timestamps = magic == 0
            ? TimestampType.NO_TIMESTAMP_TYPE
            : random.nextInt(4) == 0 ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME;
        long now = 1700000000000L + random.nextInt(1000000);
        long appended = timestamps == TimestampType.LOG_APPEND_TIME ? now : RecordBatch.NO_TIMESTAMP;
        int leaderEpoch = magic == 2 ? random.nextInt(50) : RecordBatch.NO_PARTITION_LEADER_EPOCH;
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(
            new ByteBufferOutputStream(4096), magic, compression(codec, highest), timestamps, base, appended,
            producerId, epoch, sequence, transactional, false, leaderEpoch, 1 << 24);
        for (int i = 0; i < count; i++) {
            byte[] key = random.nextInt(3) == 0 ? null : bytes(random, isText);
            byte[] value = random.nextInt(12) == 0 ? null : bytes(random, isText);
            Header[] headers = magic == 2 && random.nextInt(3) == 0 ? headers(random) : new Header[0];
            long timestamp = magic == 0 ? RecordBatch.NO_TIMESTAMP : now + random.nextInt(5000) - 2500;
            builder.appendWithOffset(base + i, timestamp, key, value, headers);
        }
        MemoryRecords records = builder.build();
        ObjectNode set = mapper.createObjectNode();
        set.put("magic", magic)
            .put("compression", codec.name)
            .put("timestampType", timestamps.toString())
            .put("producerId", producerId)
            .put("producerEpoch", epoch)
            .put("baseSequence", sequence)
            .put("transactional", transactional)
            .put("hex", Hex.encode(records.buffer()));
        RecordsJson.addRecords(records, set.putArray("records"));
        return set;
    }

    private static Compression compression(CompressionType codec, boolean highest) {
        switch (codec) {
            case GZIP:
                return Compression.gzip().level(highest ? 9 : 1).build();
            case LZ4:
                return Compression.lz4().level(highest ? 17 : 1).build();
            case ZSTD:
                return Compression.zstd().level(highest ? 19 : 1).build();
            default:
                return Compression.of(codec).build();
        }
    }

    private static Header[] headers(Random random) {
        Header[] headers = new Header[1 + random.nextInt(3)];
        for (int i = 0; i < headers.length; i++) {
            String key = random.nextBoolean() ? "trace" : "ключ-" + i;
            headers[i] = new RecordHeader(key, random.nextInt(4) == 0 ? null : bytes(random, true));
        }
        return headers;
    }

    private static byte[] bytes(Random random, boolean isText) {
        byte[] bytes = new byte[SIZES[random.nextInt(SIZES.length)]];
        if (!isText) {
            random.nextBytes(bytes);
            return bytes;
        }
        for (int i = 0; i < bytes.length; i++) {
            int at = i % 40;
            bytes[i] = (byte) (at < JSON_LIKE.length ? JSON_LIKE[at] : 'a' + random.nextInt(26));
        }
        return bytes;
    }
}
