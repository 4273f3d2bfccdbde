package io.lorikeet.cli;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.architecture.FamilyCase;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// Writes a small base of every family that the tests know, as Q4_0 and as F32, for
/// `bench/golden-runs`.
public final class GoldenBases {
  private GoldenBases() {}

  /// @param args the folder
  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args[0]));
    for (TensorType type : List.of(TensorType.Q4_0, TensorType.F32)) {
      RandomModel.of(type).write(folder.resolve("llama-%s.gguf".formatted(type)));
      for (FamilyCase family : FamilyCase.all().toList()) {
        String name = family.name().replace(' ', '-');
        family.of(type).write(folder.resolve("%s-%s.gguf".formatted(name, type)));
      }
    }
  }
}
