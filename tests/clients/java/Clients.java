import com.amazonaws.auth.DefaultAWSCredentialsProviderChain;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.support.ClassicRequestBuilder;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;

/**
 * Prints the access key that the AWS SDK for Java finds with its default chain, v1 or v2, or that an
 * HTTP client with its default settings gets by hand; where it is to show a renewal, again when that
 * has changed.
 */
final class Clients {
    private static final String METADATA = "http://169.254.169.254/latest/";
    private static final String ROLES = "meta-data/iam/security-credentials/";

    private static Supplier<String> sdkV1() {
        var chain = new DefaultAWSCredentialsProviderChain();
        return () -> chain.getCredentials().getAWSAccessKeyId();
    }

    private static Supplier<String> sdkV2() {
        var chain = DefaultCredentialsProvider.builder().build();
        return () -> chain.resolveCredentials().accessKeyId();
    }

    /** One request; its body, or an exception unless the status is 200. */
    private interface Exchange {
        String send(String method, String path, String header, String value) throws Exception;
    }

    /** Offers HTTP/2 with every request: `Upgrade: h2c`. */
    private static String sendByJdk(
        HttpClient client, String method, String path, String header, String value
    ) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(METADATA + path)).header(header, value)
            .method(method, HttpRequest.BodyPublishers.noBody()).build();
        var response = client.send(request, BodyHandlers.ofString());
        if (response.statusCode() != 200) throw new IOException("status " + response.statusCode());
        return response.body();
    }

    /** Offers TLS with every request: `Upgrade: TLS/1.2`. */
    private static Exchange apache() {
        var client = HttpClients.createDefault();
        return (method, path, header, value) -> client.execute(
            ClassicRequestBuilder.create(method).setUri(METADATA + path).setHeader(header, value).build(),
            response -> {
                if (response.getCode() != 200) throw new IOException("status " + response.getCode());
                return EntityUtils.toString(response.getEntity());
            }
        );
    }

    private static Exchange jdk() {
        var client = HttpClient.newHttpClient();
        return (method, path, header, value) -> sendByJdk(client, method, path, header, value);
    }

    private static Supplier<String> byHand(Exchange http) {
        return () -> {
            try {
                var token = http.send("PUT", "api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60");
                var header = "X-aws-ec2-metadata-token";
                var role = http.send("GET", ROLES, header, token);
                var document = http.send("GET", ROLES + role, header, token);
                var key = Pattern.compile("\"AccessKeyId\" : \"(\\w+)\"").matcher(document);
                if (!key.find()) throw new IOException("no AccessKeyId");
                return key.group(1);
            } catch (Exception fault) {
                throw new IllegalStateException(fault);
            }
        };
    }

    private static void untilRenewed(Supplier<String> key) throws InterruptedException {
        var first = key.get();
        System.out.println(first);
        if (System.getenv("TEST_RENEWAL") == null) return;
        for (int second = 0; second < 60; second++) {
            Thread.sleep(1000);
            var now = key.get();
            if (now.equals(first)) continue;
            System.out.println(now);
            return;
        }
    }

    public static void main(String[] args) throws InterruptedException {
        Map<String, Supplier<Supplier<String>>> chains = Map.of(
            "v1", Clients::sdkV1,
            "v2", Clients::sdkV2,
            "jdk", () -> byHand(jdk()),
            "apache", () -> byHand(apache())
        );
        untilRenewed(chains.get(args[0]).get());
    }
}
