import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/** A message class that Kafka's build generated, with the JSON converter beside it. */
final class KafkaMessage {
    private static final String PACKAGE = "org.apache.kafka.common.message.";

    private final Class<?> message;
    private final Class<?> converter;

    private KafkaMessage(String name) throws ClassNotFoundException {
        message = Class.forName(PACKAGE + name);
        converter = Class.forName(PACKAGE + name + "JsonConverter");
    }

    /** The class of a message; those of requests, responses and headers are named with "Data". */
    static KafkaMessage named(String type, String name) throws ClassNotFoundException {
        if (type.equals("request") || type.equals("response") || type.equals("header")) {
            try {
                return new KafkaMessage(name + "Data");
            } catch (ClassNotFoundException error) {
                // Some data schemas call themselves headers.
            }
        }
        return new KafkaMessage(name);
    }

    Message fromJson(JsonNode body, short version) throws ReflectiveOperationException {
        return (Message) converter.getMethod("read", JsonNode.class, short.class).invoke(null, body, version);
    }

    JsonNode toJson(Message value, short version) throws ReflectiveOperationException {
        return (JsonNode) converter.getMethod("write", message, short.class).invoke(null, value, version);
    }

    /** Reads a message from the front of the buffer. */
    Message fromBytes(ByteBuffer buffer, short version) throws ReflectiveOperationException {
        Message value = (Message) message.getConstructor().newInstance();
        value.read(new ByteBufferAccessor(buffer), version);
        return value;
    }

    static byte[] bytes(Message value, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(value.size(cache, version));
        value.write(new ByteBufferAccessor(buffer), cache, version);
        return buffer.array();
    }

    /** What went wrong, without the wrapping that reflection adds. */
    static String reason(Throwable error) {
        Throwable cause = error instanceof InvocationTargetException ? error.getCause() : error;
        return cause.toString();
    }
}
