package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.models.autodiff.RuleExpressions.Expression;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Every rule of [GradientRules] on a device, held against the CPU in F32. `bench/gpu` runs it
/// where there is no JUnit.
///
/// `java ... io.lorikeet.models.autodiff.RulesOnDevice FILE` writes the CPU's gradients. With a
/// device behind FILE it prints a line for each expression, and ends with 1 where a gradient
/// differs from those in FILE. So rules that were changed in between are found.
public final class RulesOnDevice {
  /// Of products that a GPU rounds to BF16, F16 or TF32.
  private static final double BOUND = 2e-2;

  private RulesOnDevice() {}

  public static void main(String[] arguments) throws IOException {
    Path file = Path.of(arguments[0]);
    if (arguments.length == 1) {
      write(file);
    } else {
      System.exit(compare(file, arguments[1]) ? 0 : 1);
    }
  }

  /// Writes the CPU's gradients.
  static void write(Path file) throws IOException {
    try (DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
      for (Expression expression : expressions().values()) {
        Backend cpu = Backend.open("cpu", 1, Optional.of(ProductFormat.F32));
        for (float[] gradient : gradients(expression, cpu)) {
          for (float value : gradient) {
            out.writeFloat(value);
          }
        }
      }
    }
  }

  /// Whether all gradients on a device are those in the file.
  static boolean compare(Path file, String device) throws IOException {
    int wrong = 0;
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      for (Map.Entry<String, Expression> one : expressions().entrySet()) {
        double error = 0;
        for (float[] gradient : gradients(one.getValue(), Backend.open(device, 1))) {
          error = Math.max(error, relativeError(gradient, in)); // NaN stays
        }
        boolean right = error <= BOUND;
        wrong += right ? 0 : 1;
        String verdict = right ? "ok   " : "WRONG";
        System.out.printf("%s %s: relative error %.1e%n", verdict, one.getKey(), error);
      }
    }
    System.out.println(
        wrong == 0 ? "all rules are right" : wrong + " expressions have wrong gradients");
    return wrong == 0;
  }

  private static Map<String, Expression> expressions() {
    Map<String, Expression> all = new LinkedHashMap<>();
    RuleExpressions.all()
        .forEach(
            (operation, expressions) -> {
              for (Expression expression : expressions) {
                all.put(operation.getSimpleName() + " " + all.size(), expression);
              }
            });
    return all;
  }

  private static List<float[]> gradients(Expression expression, Backend backend) {
    try (RuleCheck check = new RuleCheck(100, RuleCheck.Way.PLAIN, backend)) {
      return new ArrayList<>(check.gradients(expression.apply(check)));
    }
  }

  /// ‖a - b‖ / ‖b‖, where b is what comes next in the file.
  private static double relativeError(float[] a, DataInputStream b) throws IOException {
    double difference = 0;
    double size = 0;
    for (float value : a) {
      double expected = b.readFloat();
      difference += Math.pow(value - expected, 2);
      size += expected * expected;
    }
    return Math.sqrt(difference / size);
  }
}
