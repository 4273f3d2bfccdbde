package io.lorikeet.spark;

import java.io.IOException;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Tells the jars of a driver's class path that any Spark has from those that only Lorikeet brings.
final class SparkJars {
  /// Of libraries that Lorikeet uses and Spark lacks, or has only with its SQL part.
  private static final Pattern LIBRARIES =
      Pattern.compile(
          "(ejml-|hardwood-|dnnl-|jackson-dataformat-|json-schema-validator-|snakeyaml-|picocli-).*");

  private SparkJars() {}

  /// Whether executors need it from the driver.
  static boolean isOurs(String jar) {
    String name = jar.substring(Math.max(jar.lastIndexOf('/'), jar.lastIndexOf('\\')) + 1);
    if (LIBRARIES.matcher(name).matches()) {
      return true;
    }
    try (JarFile file = new JarFile(jar);
        Stream<String> entries = file.stream().map(Object::toString)) {
      return entries.anyMatch(entry -> entry.startsWith("io/lorikeet/"));
    } catch (IOException e) {
      return false; // Java takes nothing from it either
    }
  }
}
