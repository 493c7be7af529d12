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
import java.util.concurrent.locks.LockSupport;
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
    private static final int WARM_UP_SECONDS = 2;

    public static void main(String[] arguments) throws Exception {
        String topic = arguments[2];
        int records = Integer.parseInt(arguments[3]);
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[1]);
        login(properties, arguments);
        switch (arguments[0]) {
            case "produce" -> {
                properties.put("compression.type", arguments[5]);
                properties.put("linger.ms", arguments[6]);
                properties.put("batch.size", arguments[7]);
                properties.put("buffer.memory", "134217728");
                byte[][] keys = option(arguments, "keys") == null ? null : keys();
                boolean hasHeaders = option(arguments, "headers") != null;
                String tasks = option(arguments, "tasks");
                Pool pool = new Pool(topic, values(Integer.parseInt(arguments[4])), keys, hasHeaders);
                produce(properties, records, pool, tasks == null ? 1 : Integer.parseInt(tasks));
            }
            case "latency" -> {
                properties.put("linger.ms", "0");
                latency(properties, topic, records, values(Integer.parseInt(arguments[4])));
            }
            case "rate" -> {
                properties.put("linger.ms", arguments[5]);
                rate(properties, topic, records, Integer.parseInt(arguments[6]), values(Integer.parseInt(arguments[4])));
            }
            default -> consume(properties, topic, records, Integer.parseInt(arguments[4]));
        }
    }

    /** The value of NAME=VALUE, the empty text for NAME, null if neither is there. */
    private static String option(String[] arguments, String name) {
        for (String argument : arguments) {
            if (argument.equals(name) || argument.startsWith(name + "=")) {
                return argument.substring(Math.min(argument.length(), name.length() + 1));
            }
        }
        return null;
    }

    /** SASL_SSL with SCRAM-SHA-512, if it is asked for. */
    private static void login(Properties properties, String[] arguments) {
        String login = option(arguments, "login");
        if (login == null) {
            return;
        }
        String[] who = login.split(":", 2);
        properties.put("security.protocol", "SASL_SSL");
        properties.put("sasl.mechanism", "SCRAM-SHA-512");
        properties.put("sasl.jaas.config", String.format(
                "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";",
                who[0], who[1]));
        properties.put("ssl.truststore.type", "PEM");
        properties.put("ssl.truststore.location", option(arguments, "ca"));
    }

    /** What the records of a run are made of. */
    private record Pool(String topic, byte[][] values, byte[][] keys, boolean hasHeaders) {
        private static final byte[] CONTENT_TYPE = "application/json".getBytes(StandardCharsets.US_ASCII);
        private static final byte[] TRACE = "4bf92f3577b34da6".getBytes(StandardCharsets.US_ASCII);

        ProducerRecord<byte[], byte[]> get(int number) {
            byte[] key = keys == null ? null : keys[number % keys.length];
            ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, key, values[number % values.length]);
            if (hasHeaders) {
                record.headers().add("content-type", CONTENT_TYPE).add("trace", TRACE);
            }
            return record;
        }
    }

    private static KafkaProducer<byte[], byte[]> producer(Properties properties) {
        properties.put("acks", "all");
        return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static void produce(Properties properties, int records, Pool pool, int tasks) throws Exception {
        AtomicLong errors = new AtomicLong();
        Callback callback = (metadata, error) -> {
            if (error != null) {
                errors.incrementAndGet();
            }
        };
        long begin = System.nanoTime();
        try (KafkaProducer<byte[], byte[]> producer = producer(properties)) {
            List<Thread> threads = new ArrayList<>();
            for (int task = 0; task < tasks; task++) {
                int first = (int) ((long) records * task / tasks);
                int end = (int) ((long) records * (task + 1) / tasks);
                Thread thread = new Thread(() -> {
                    for (int i = first; i < end; i++) {
                        producer.send(pool.get(i), callback);
                    }
                });
                threads.add(thread);
                thread.start();
            }
            for (Thread thread : threads) {
                thread.join();
            }
            producer.flush();
            print("produce", records, begin, ",\"errors\":" + errors.get());
        }
    }

    private static void latency(Properties properties, String topic, int records, byte[][] values) throws Exception {
        long[] nanos = new long[records];
        try (KafkaProducer<byte[], byte[]> producer = producer(properties)) {
            for (int i = 0; i < WARM_UP_RECORDS; i++) {
                producer.send(new ProducerRecord<>(topic, values[i])).get();
            }
            long begin = System.nanoTime();
            for (int i = 0; i < records; i++) {
                long sent = System.nanoTime();
                producer.send(new ProducerRecord<>(topic, values[i % values.length])).get();
                nanos[i] = System.nanoTime() - sent;
            }
            print("latency", records, begin, percentiles(nanos, 0));
        }
    }

    /**
     * Sends each record when it is due, and its time runs from then: what keeps it from being sent
     * counts too.
     */
    private static void rate(Properties properties, String topic, int records, int perSecond, byte[][] values)
            throws Exception {
        AtomicLong errors = new AtomicLong();
        int warmUp = WARM_UP_SECONDS * perSecond;
        long[] nanos = new long[warmUp + records];
        try (KafkaProducer<byte[], byte[]> producer = producer(properties)) {
            long begin = System.nanoTime();
            for (int i = 0; i < nanos.length; i++) {
                int number = i;
                long due = begin + i * 1_000_000_000L / perSecond;
                for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
                    LockSupport.parkNanos(left);
                }
                producer.send(new ProducerRecord<>(topic, values[i % values.length]), (metadata, error) -> {
                    nanos[number] = System.nanoTime() - due;
                    if (error != null) {
                        errors.incrementAndGet();
                    }
                });
            }
            producer.flush();
            long[] counted = Arrays.copyOfRange(nanos, warmUp, nanos.length);
            print("latency", records, begin + WARM_UP_SECONDS * 1_000_000_000L, percentiles(counted, errors.get()));
        }
    }

    private static String percentiles(long[] nanos, long errors) {
        Arrays.sort(nanos);
        return String.format(
                ",\"p50_us\":%d,\"p99_us\":%d,\"p999_us\":%d,\"errors\":%d",
                at(nanos, 500), at(nanos, 990), at(nanos, 999), errors);
    }

    private static long at(long[] nanos, long part) {
        return nanos[(int) (nanos.length * part / 1000)] / 1000;
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

    private static byte[][] keys() {
        byte[][] keys = new byte[10_000][];
        for (int id = 0; id < keys.length; id++) {
            keys[id] = String.format(Locale.ROOT, "key-%012d", id).getBytes(StandardCharsets.US_ASCII);
        }
        return keys;
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
