package io.lorikeet.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.architecture.FamilyCase;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// llama.cpp adapts every matrix that `all-linear` adapts: a pair on any of them alone changes its
/// logits.
@ExtendWith(LeakCheck.class)
@Tag("long")
class TargetsTest {
  private static final int[] TOKENS =
      RandomInputs.plainBatch(RandomFamily.VOCABULARY, 12, 1).tokens();

  @TempDir private Path folder;

  private static Stream<FamilyCase> cases() {
    return FamilyCase.all().filter(one -> !one.name().equals("exaone4 windows")); // 64 layers
  }

  @ParameterizedTest
  @MethodSource("cases")
  void eachChangesTheLogits(FamilyCase family) throws IOException {
    Path path = family.of(TensorType.F32).write(folder.resolve("base.gguf"));
    try (GgufFile base = GgufFile.open(path);
        LlamaModel model = LlamaModel.load(path, LlamaModel.Options.CPU);
        LlamaContext context = LlamaContext.create(model, TOKENS.length, TOKENS.length, 1)) {
      ModelConfig config = ModelConfig.of(base);
      List<String> targets = LoraTargets.resolve(List.of("all-linear"), config);
      float[] plain = logits(context);
      List<String> changed = new ArrayList<>();
      for (LoraPair pair : RandomInputs.pairsOn(base, targets, 2, 1)) {
        Path file = folder.resolve("adapter.gguf");
        AdapterExporter.write(
            new LoraAdapter(config.architecture(), 8, List.of(pair)),
            new AdapterMetadata(BaseIdentity.of(base), Map.of()),
            file);
        context.setAdapters(LlamaAdapter.load(model, file).scaledBy(1));
        if (!Arrays.equals(plain, logits(context))) {
          changed.add(pair.baseTensor());
        }
      }
      assertTrue(!targets.isEmpty());
      assertEquals(targets.stream().sorted().toList(), changed.stream().sorted().toList());
    }
  }

  private static float[] logits(LlamaContext context) {
    List<float[]> rows = new ArrayList<>();
    LlamaLogits.stream(context, TOKENS, (_, logits) -> rows.add(logits.clone()));
    return rows.getLast();
  }
}
