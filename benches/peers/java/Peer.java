import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Kafka's own client, with the command line of the other peers (common/src/lib.rs). */
public final class Peer {
    private static final int WARM_UP_RECORDS = 200;

    public static void main(String[] arguments) throws Exception {
        String topic = arguments[2];
        int records = Integer.parseInt(arguments[3]);
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[1]);
        switch (arguments[0]) {
            case "produce" -> {
                properties.put("compression.type", arguments[5]);
                properties.put("linger.ms", arguments[6]);
                properties.put("batch.size", arguments[7]);
                properties.put("buffer.memory", "134217728");
                produce(properties, topic, records, values(Integer.parseInt(arguments[4])));
            }
            case "latency" -> {
                properties.put("linger.ms", "0");
                latency(properties, topic, records, values(Integer.parseInt(arguments[4])));
            }
            default -> consume(properties, topic, records, Integer.parseInt(arguments[4]));
        }
    }

    private static KafkaProducer<byte[], byte[]> producer(Properties properties) {
        properties.put("acks", "all");
        return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static void produce(Properties properties, String topic, int records, byte[][] values) throws Exception {
        AtomicLong errors = new AtomicLong();
        Callback callback = (metadata, error) -> {
            if (error != null) {
                errors.incrementAndGet();
            }
        };
        long begin = System.nanoTime();
        try (KafkaProducer<byte[], byte[]> producer = producer(properties)) {
            for (int i = 0; i < records; i++) {
                producer.send(new ProducerRecord<>(topic, values[i % values.length]), callback);
            }
            producer.flush();
            print("produce", records, begin, ",\"errors\":" + errors.get());
        }
    }

    private static void latency(Properties properties, String topic, int records, byte[][] values) throws Exception {
        double[] micros = new double[records];
        try (KafkaProducer<byte[], byte[]> producer = producer(properties)) {
            for (int i = 0; i < WARM_UP_RECORDS; i++) {
                producer.send(new ProducerRecord<>(topic, values[i])).get();
            }
            long begin = System.nanoTime();
            for (int i = 0; i < records; i++) {
                long sent = System.nanoTime();
                producer.send(new ProducerRecord<>(topic, values[i % values.length])).get();
                micros[i] = (System.nanoTime() - sent) / 1e3;
            }
            Arrays.sort(micros);
            double median = micros[records / 2];
            double late = micros[(int) (records * 0.99)];
            print("latency", records, begin, String.format(Locale.ROOT, ",\"p50_us\":%.0f,\"p99_us\":%.0f", median, late));
        }
    }

    private static void consume(Properties properties, String topic, int count, int partitions) throws Exception {
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        properties.put("max.poll.records", "10000");
        properties.put("max.partition.fetch.bytes", "10485760");
        long records = 0;
        long bytes = 0;
        long begin = System.nanoTime();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> assignment = new ArrayList<>();
            for (int partition = 0; partition < partitions; partition++) {
                assignment.add(new TopicPartition(topic, partition));
            }
            consumer.assign(assignment);
            consumer.seekToBeginning(assignment);
            while (records < count) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
                    records++;
                    bytes += record.value().length;
                }
            }
            print("consume", records, begin, ",\"bytes\":" + bytes);
        }
    }

    private static byte[][] values(int size) {
        String letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        byte[][] values = new byte[1000][];
        long state = 88172645463325252L;
        for (int id = 0; id < values.length; id++) {
            StringBuilder value = new StringBuilder("{\"id\":" + id + ",\"event\":\"click\",\"user\":\"");
            while (value.length() < size) {
                state ^= state << 13;
                state ^= state >>> 7;
                state ^= state << 17;
                value.append(letters.charAt((int) (state & 63)));
            }
            value.setLength(size);
            values[id] = value.toString().getBytes(StandardCharsets.US_ASCII);
        }
        return values;
    }

    private static void print(String op, long records, long begin, String figures) throws Exception {
        double wall = (System.nanoTime() - begin) / 1e9;
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        double cpu = system.getProcessCpuTime() / 1e9;
        long resident = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElse(0);
        System.out.printf(
                Locale.ROOT,
                "{\"peer\":\"java\",\"op\":\"%s\",\"records\":%d,\"wall_s\":%.3f,\"cpu_s\":%.3f,\"rss_kb\":%d%s}%n",
                op, records, wall, cpu, resident, figures);
    }
}
