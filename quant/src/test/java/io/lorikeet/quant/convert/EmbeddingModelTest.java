package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Folders of embedding models, as sentence-transformers saves them.
@ExtendWith(LeakCheck.class)
class EmbeddingModelTest {
  private static final String MODULES =
      """
      [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
       {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
       {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
      """;

  @TempDir private Path folder;
  private TinyFolder tiny;

  @BeforeEach
  void begin() {
    tiny = new TinyFolder(folder.resolve("tiny"), "LlamaForCausalLM");
  }

  private GgufFile converted() throws IOException {
    Path output = folder.resolve("out.gguf");
    ModelConverter.convert(tiny.path, output, Optional.of("F32"), 1, _ -> {});
    return GgufFile.open(output);
  }

  private void writePooling(String config) throws IOException {
    Files.writeString(tiny.path.resolve("modules.json"), MODULES);
    Path pooling = Files.createDirectories(tiny.path.resolve("1_Pooling"));
    Files.writeString(pooling.resolve("config.json"), config);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'pooling_mode_cls_token': false, 'pooling_mode_lasttoken': true} | 3",
        "{'pooling_mode_mean_tokens': true, 'pooling_mode_lasttoken': false} | 1",
        "{'pooling_mode_cls_token': true} | 2",
        "{'pooling_mode': 'lasttoken'} | 3",
      })
  void thePoolingIsWritten(String config, long type) throws IOException {
    tiny.write();
    writePooling(config.replace('\'', '"'));
    try (GgufFile file = converted()) {
      assertEquals(OptionalLong.of(type), file.metadata().integer("llama.pooling_type"));
    }
  }

  @Test
  void otherPoolingsAreRefused() throws IOException {
    tiny.write();
    writePooling("{\"pooling_mode_max_tokens\": true}");
    String message = assertThrows(InvalidInputException.class, this::converted).getMessage();
    assertTrue(message.contains("llama.cpp pools by mean, cls or the last token only"), message);
    Files.delete(tiny.path.resolve("1_Pooling").resolve("config.json"));
    message = assertThrows(InvalidInputException.class, this::converted).getMessage();
    assertTrue(message.contains("config.json, which is missing"), message);
    Files.writeString(tiny.path.resolve("modules.json"), "[{");
    message = assertThrows(InvalidInputException.class, this::converted).getMessage();
    assertTrue(message.contains("modules.json isn't valid JSON"), message);
  }

  @Test
  void languageModelsHaveNone() throws IOException {
    tiny.write();
    try (GgufFile file = converted()) {
      assertTrue(file.metadata().integer("llama.pooling_type").isEmpty());
    }
  }

  /// Saved without its head, a model has no `model.` before its names.
  @Test
  void namesOfAModelWithoutAHead() throws IOException {
    tiny.remove("lm_head");
    tiny.config.put("tie_word_embeddings", true);
    tiny.write();
    List<String> expected;
    try (GgufFile file = converted()) {
      expected = file.tensors().stream().map(Object::toString).toList();
    }
    SafetensorsWriter writer = new SafetensorsWriter();
    tiny.shapes.forEach(
        (name, shape) ->
            writer.addTensor(name.replaceFirst("^model\\.", ""), shape, tiny.values.get(name)));
    tiny.write(writer);
    Files.delete(folder.resolve("out.gguf"));
    try (GgufFile file = converted()) {
      assertEquals(expected, file.tensors().stream().map(Object::toString).toList());
    }
  }
}
