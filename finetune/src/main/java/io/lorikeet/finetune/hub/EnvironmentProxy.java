package io.lorikeet.finetune.hub;

import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// The proxy that the usual variables name: `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`, and hosts
/// that need none in `NO_PROXY`, all of them in small letters too, as curl reads them.
final class EnvironmentProxy extends ProxySelector {
  private static final int USUAL_PORT = 80;

  private final Map<String, String> environment;

  EnvironmentProxy(Map<String, String> environment) {
    this.environment = environment;
  }

  @Override
  public List<Proxy> select(URI uri) {
    return List.of(
        proxy(uri.getScheme())
            .filter(_ -> !isExempt(uri))
            .map(
                proxy ->
                    new Proxy(
                        Proxy.Type.HTTP,
                        new InetSocketAddress(
                            proxy.getHost(), proxy.getPort() < 0 ? USUAL_PORT : proxy.getPort())))
            .orElse(Proxy.NO_PROXY));
  }

  @Override
  public void connectFailed(URI uri, SocketAddress address, IOException problem) {
    // the request fails and says so
  }

  /// The value of `Proxy-Authorization`, where the variable has a name and a password.
  Optional<String> authorization(URI uri) {
    return proxy(uri.getScheme())
        .filter(_ -> !isExempt(uri))
        .map(URI::getUserInfo)
        .map(
            user ->
                "Basic "
                    + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8)));
  }

  private Optional<URI> proxy(String scheme) {
    return variable(scheme + "_proxy").or(() -> variable("all_proxy")).map(EnvironmentProxy::parse);
  }

  private static URI parse(String text) {
    try {
      URI proxy = URI.create(text.contains("://") ? text : "http://" + text);
      if (proxy.getHost() != null && "http".equals(proxy.getScheme())) {
        return proxy;
      }
    } catch (IllegalArgumentException _) {
      // said below
    }
    throw new InvalidInputException(
        "the proxy that a variable such as HTTPS_PROXY names should be like http://HOST:PORT");
  }

  private boolean isExempt(URI uri) {
    String host = uri.getHost().toLowerCase(Locale.ROOT);
    for (String entry : variable("no_proxy").orElse("").toLowerCase(Locale.ROOT).split("[, ]+")) {
      String suffix = entry.replaceFirst("^[*]?[.]", "").replaceFirst(":[0-9]+$", "");
      boolean matches = host.equals(suffix) || host.endsWith("." + suffix);
      if (entry.equals("*") || !suffix.isEmpty() && matches) {
        return true;
      }
    }
    return false;
  }

  private Optional<String> variable(String name) {
    return Optional.ofNullable(environment.get(name))
        .or(() -> Optional.ofNullable(environment.get(name.toUpperCase(Locale.ROOT))))
        .filter(value -> !value.isBlank());
  }
}
