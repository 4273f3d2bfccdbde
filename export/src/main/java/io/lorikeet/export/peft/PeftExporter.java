package io.lorikeet.export.peft;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NewFolder;
import io.lorikeet.quant.SafetensorsType;
import io.lorikeet.quant.SafetensorsWriter;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/// Writes adapters as folders that PEFT's `PeftModel.from_pretrained` reads. The chat template that
/// an adapter was trained with becomes `chat_template.jinja`, where transformers' tokenizers look
/// for theirs.
public final class PeftExporter {
  /// The names of the files that are written.
  public static final List<String> FILES =
      List.of(PeftConfig.FILE, PeftKeys.WEIGHTS, PeftKeys.CHAT_TEMPLATE);

  private static final String PREFIX = "base_model.model.";

  /// Architectures whose text model is a part of Hugging Face's, which has no class of its own.
  private static final Set<String> BESIDE_IMAGES =
      Set.of("qwen2vl", "qwen3vl", "qwen3vlmoe", "muse-glimmer");

  private final GgufFile base;
  private final LoraAdapter adapter;
  private final SafetensorsType type;
  private final AdapterStorage storage;
  private final SafetensorsWriter weights = new SafetensorsWriter();
  private final Map<String, Integer> ranks = new LinkedHashMap<>();

  private PeftExporter(GgufFile base, LoraAdapter adapter, AdapterStorage storage) {
    this.base = base;
    this.adapter = adapter;
    this.storage = storage == AdapterStorage.Q8_0 ? AdapterStorage.F32 : storage;
    this.type = SafetensorsType.valueOf(this.storage.name());
  }

  /// A warning of what PEFT does otherwise with a folder, if there is something. It takes no
  /// adapters of the output projections of Nemotron's state spaces
  /// (`_check_lora_target_modules_mamba` of PEFT 0.21), which llama.cpp does.
  public static Optional<String> warning(LoraAdapter adapter) {
    long refused =
        adapter.pairs().stream()
            .filter(pair -> pair.baseTensor().endsWith(".ssm_out.weight"))
            .count();
    if (adapter.invocation().isPresent()) {
      return Optional.of(
          "PEFT has this adapter act from its invocation on, one token later than llama-server,"
              + " which it was trained for: answers can differ a little");
    }
    return adapter.architecture().startsWith("nemotron_h") && refused > 0
        ? Optional.of(
            "PEFT won't load this folder: it refuses Nemotron's mixer.out_proj, of which there are"
                + " %s pairs. Use the GGUF adapter, or train with targets other than ssm_out"
                    .formatted(refused))
        : Optional.empty();
  }

  /// Writes a folder.
  ///
  /// @param base the adapter's base
  /// @param storage type of the numbers; PEFT knows no Q8_0, which becomes F32
  /// @param folder made if it isn't there; [#FILES] in it are replaced, all or none
  /// @throws InvalidInputException when the adapter has parts that PEFT can't name, all of them
  ///     named; when it records no chat template and there is one in the folder, which would be
  ///     taken for its own
  /// @throws IOException when the disk refuses
  public static void write(
      LoraAdapter adapter,
      AdapterMetadata metadata,
      GgufFile base,
      AdapterStorage storage,
      Path folder)
      throws IOException {
    PeftExporter exporter = new PeftExporter(base, adapter, storage);
    exporter.addPairs();
    exporter
        .weights
        .putMetadata(PeftKeys.FORMAT, PeftKeys.PYTORCH)
        .putMetadata(PeftKeys.BASE_HASH, metadata.base().hash())
        .putMetadata(PeftKeys.TRAINING, PeftTraining.format(metadata.training()));
    metadata
        .template()
        .ifPresent(each -> exporter.weights.putMetadata(PeftKeys.TEMPLATE_ORIGIN, each.origin()));
    byte[] config = exporter.config(metadata);
    Path configFile = folder.resolve(PeftConfig.FILE);
    Path templateFile = folder.resolve(PeftKeys.CHAT_TEMPLATE);
    Optional<String> template = metadata.template().map(TrainedTemplate::text);
    if (template.isEmpty() && Files.exists(templateFile)) {
      throw new InvalidInputException(
          "%s is there, and this adapter records no chat template: it would be taken for the adapter's. Give another folder, or move the file"
              .formatted(templateFile));
    }
    try (NewFolder _ = NewFolder.at(folder);
        AtomicFile newConfig = AtomicFile.create(configFile);
        AtomicFile newTemplate = AtomicFile.create(templateFile)) {
      write(newConfig, configFile, config);
      write(newTemplate, templateFile, template.orElse("").getBytes(StandardCharsets.UTF_8));
      exporter.weights.write(folder.resolve(PeftKeys.WEIGHTS));
      if (template.isPresent()) {
        newTemplate.commit();
      }
      newConfig.commit();
    }
  }

  private static void write(AtomicFile file, Path name, byte[] bytes) throws IOException {
    try {
      Files.write(file.path(), bytes);
    } catch (IOException e) {
      throw AtomicFile.explain(name, e);
    }
  }

  private void addPairs() {
    List<String> problems = new ArrayList<>();
    PeftPlaces places = PeftPlaces.of(base);
    Map<String, List<PlacedPair>> byModule = new LinkedHashMap<>();
    for (LoraPair pair : adapter.pairs()) {
      List<PeftPlace> ofTensor = places.of(base.tensor(pair.baseTensor()).orElseThrow());
      if (ofTensor.isEmpty()) {
        problems.add(pair.baseTensor() + " is no module of its own in Hugging Face's model");
      }
      for (PeftPlace place : ofTensor) {
        byModule
            .computeIfAbsent(place.module(), _ -> new ArrayList<>())
            .add(new PlacedPair(pair, place));
      }
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of("PEFT has no name for parts of this adapter", problems);
    }
    byModule.forEach(this::add);
  }

  /// A pair of the adapter, and the module that it adapts or a part of it.
  private record PlacedPair(LoraPair pair, PeftPlace place) {

    /// A of the place's expert, in the module's order of columns.
    float[] a() {
      int columns = place.columns();
      int from = place.expert() * pair.rank() * columns;
      float[] a = new float[pair.rank() * columns];
      for (int k = 0; k < pair.rank(); k++) {
        for (int column = 0; column < columns; column++) {
          a[k * columns + column] = pair.a()[from + k * columns + place.columnInFile(column)];
        }
      }
      return a;
    }

    /// Puts B of the place's expert into columns of a module's B, `[rows, rank]`.
    void putB(float factor, float[] b, int rank, int firstColumn) {
      for (int row = 0; row < place.rows(); row++) {
        int inFile = place.rowInFile(row);
        int from = (place.expert() * pair.outputs() + inFile) * pair.rank();
        for (int k = 0; inFile >= 0 && k < pair.rank(); k++) {
          b[row * rank + firstColumn + k] = factor * pair.b()[from + k];
        }
      }
    }
  }

  /// Adds the pair of a module. Where the base has the module in several tensors whose pairs have
  /// different A, their ranks are put side by side.
  private void add(String name, List<PlacedPair> parts) {
    PlacedPair first = parts.getFirst();
    LoraPair pair = first.pair();
    String module = PREFIX + fullName(name);
    if (first.place().isEmbedding()) {
      ranks.put(name, pair.rank());
      float[] a = transposed(pair.a(), pair.inputs(), pair.rank());
      add(module + ".lora_embedding_A", pair.rank(), pair.inputs(), a);
      add(module + ".lora_embedding_B", pair.outputs(), pair.rank(), pair.b());
      return;
    }
    List<float[]> as = parts.stream().map(PlacedPair::a).toList();
    boolean shared = as.stream().allMatch(a -> Arrays.equals(a, as.getFirst()));
    int rank = shared ? pair.rank() : parts.stream().mapToInt(part -> part.pair().rank()).sum();
    int columns = first.place().columns();
    int rows = first.place().rows();
    float[] a = new float[rank * columns];
    float[] b = new float[rows * rank];
    int column = 0;
    for (int i = 0; i < parts.size(); i++) {
      System.arraycopy(as.get(i), 0, a, column * columns, as.get(i).length);
      // PEFT divides alpha by the module's rank.
      float factor = (float) rank / parts.get(i).pair().rank();
      parts.get(i).putB(factor, b, rank, column);
      column += shared ? 0 : parts.get(i).pair().rank();
    }
    ranks.put(name, rank);
    add(module + ".lora_A.weight", rank, columns, a);
    add(module + ".lora_B.weight", rows, rank, b);
  }

  private void add(String name, int rows, int columns, float[] values) {
    byte[] bytes = storage.encode(values, columns);
    weights.addTensor(name, type, new long[] {rows, columns}, TensorSource.of(bytes));
  }

  private String fullName(String module) {
    boolean besideImages =
        BESIDE_IMAGES.contains(base.metadata().requireString("general.architecture"));
    String path = besideImages ? "model.language_model." : "model.";
    return module.equals("lm_head") ? module : path + module;
  }

  /// @param matrix `[rows, columns]`
  /// @return `[columns, rows]`
  private static float[] transposed(float[] matrix, int rows, int columns) {
    float[] transposed = new float[matrix.length];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        transposed[column * rows + row] = matrix[row * columns + column];
      }
    }
    return transposed;
  }

  /// PEFT's configuration. Its rank is that of most modules, others stand in `rank_pattern`; alpha
  /// is one for all, since llama.cpp and PEFT divide it by each module's rank alike. Only where all
  /// ranks are the same can rsLoRA be told: √rank is folded into alpha in GGUF.
  private byte[] config(AdapterMetadata metadata) throws IOException {
    int rank = mostCommon(ranks);
    Map<String, Integer> others = new LinkedHashMap<>();
    ranks.forEach(
        (module, ofModule) -> {
          if (ofModule != rank) {
            others.put(module, ofModule);
          }
        });
    boolean rankStabilized =
        others.isEmpty() && metadata.training().getOrDefault("rslora", "false").equals("true");
    double alpha = rankStabilized ? adapter.alpha() / Math.sqrt(rank) : adapter.alpha();

    JsonMapper mapper = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    ObjectNode json = mapper.createObjectNode();
    json.put("peft_type", "LORA");
    json.put("task_type", "CAUSAL_LM");
    json.put("base_model_name_or_path", metadata.base().name());
    json.put("inference_mode", true);
    json.put("r", rank);
    if (alpha == Math.rint(alpha)) {
      json.put("lora_alpha", (long) alpha);
    } else {
      json.put("lora_alpha", alpha);
    }
    json.put("use_rslora", rankStabilized);
    json.put("lora_dropout", 0.0);
    json.put("bias", "none");
    adapter
        .invocation()
        .ifPresent(
            invocation -> invocation.tokens().forEach(json.putArray(PeftKeys.INVOCATION)::add));
    json.put("use_dora", false);
    json.put("fan_in_fan_out", false);
    json.put("init_lora_weights", true);
    json.putNull("modules_to_save");
    json.putNull("layers_to_transform");
    json.putNull("layers_pattern");
    ObjectNode pattern = json.putObject("rank_pattern");
    others.forEach((module, ofModule) -> pattern.put(regex(module), ofModule));
    json.putObject("alpha_pattern");
    targets().forEach(json.putArray("target_modules")::add);
    return mapper.writeValueAsBytes(json);
  }

  /// A key of PEFT's patterns that matches this module alone: they are matched against the end of
  /// its name, after a dot.
  private static String regex(String module) {
    return module.replace(".", "\\.");
  }

  private static int mostCommon(Map<String, Integer> ranks) {
    Map<Integer, Integer> counts = new LinkedHashMap<>();
    ranks.values().forEach(rank -> counts.merge(rank, 1, Integer::sum));
    return counts.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow().getKey();
  }

  /// Names of modules by their last part where all modules of that name are adapted, else from
  /// their layer on.
  private Set<String> targets() {
    Map<String, Integer> inBase = new LinkedHashMap<>();
    PeftPlaces.of(base).all().stream()
        .map(PeftPlace::module)
        .distinct()
        .forEach(module -> inBase.merge(leaf(module), 1, Integer::sum));
    Map<String, Integer> adapted = new LinkedHashMap<>();
    ranks.keySet().forEach(module -> adapted.merge(leaf(module), 1, Integer::sum));
    Set<String> targets = new LinkedHashSet<>();
    for (String module : ranks.keySet()) {
      String leaf = leaf(module);
      targets.add(Objects.equals(adapted.get(leaf), inBase.get(leaf)) ? leaf : module);
    }
    return targets;
  }

  private static String leaf(String module) {
    return module.substring(module.lastIndexOf('.') + 1);
  }
}
