package io.lorikeet.cli;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// In the place of llama-server: writes its process and arguments to a file, and is ready after the
/// third question.
final class FakeServer {
  private FakeServer() {}

  public static void main(String[] args) throws Exception {
    List<String> arguments = List.of(args).subList(1, args.length);
    int port = Integer.parseInt(arguments.get(arguments.indexOf("--port") + 1));
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    int[] asked = {0};
    server.createContext(
        "/health",
        exchange -> {
          byte[] body = "{\"status\": \"ok\"}".getBytes();
          exchange.sendResponseHeaders(++asked[0] > 2 ? 200 : 503, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    Files.writeString(
        Path.of(args[0]), ProcessHandle.current().pid() + "\n" + String.join("\n", arguments));
  }
}
