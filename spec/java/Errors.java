import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;

/** Prints Kafka's error codes as JSON: code, name, whether to retry, whether metadata is stale. */
public final class Errors {
    public static void main(String[] arguments) {
        StringBuilder out = new StringBuilder("[\n");
        org.apache.kafka.common.protocol.Errors[] all = org.apache.kafka.common.protocol.Errors.values();
        for (int i = 0; i < all.length; i++) {
            Throwable exception = all[i].exception();
            out.append(String.format(
                "  {\"code\": %d, \"name\": \"%s\", \"retriable\": %b, \"invalidMetadata\": %b, \"exception\": %s}%s\n",
                all[i].code(), all[i].name(),
                exception instanceof RetriableException, exception instanceof InvalidMetadataException,
                exception == null ? "null" : "\"" + exception.getClass().getName() + "\"",
                i + 1 < all.length ? "," : ""));
        }
        System.out.print(out.append("]\n"));
    }
}
