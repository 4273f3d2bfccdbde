package io.lorikeet.export.peft;

import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.lora.FixedMatrices;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.convert.FolderTemplates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Reads a folder that PEFT wrote as an adapter for a base in GGUF.
///
/// PEFT scales each module by its own alpha / rank, or alpha / √rank with rsLoRA; a file in GGUF
/// has one alpha, and llama.cpp divides it by each pair's rank. Where the modules agree, that alpha
/// says it all; otherwise the differences go into B.
public final class PeftImporter {
  private final GgufFile base;
  private final SafetensorsFile file;
  private final PeftConfig config;

  private PeftImporter(GgufFile base, SafetensorsFile file, PeftConfig config) {
    this.base = base;
    this.file = file;
    this.config = config;
  }

  /// An adapter from a folder.
  ///
  /// @param storage the type that its numbers had, for a file that keeps them as they are
  /// @param baseHash the base that it was made for, if Lorikeet wrote the folder
  /// @param training the settings it was made with, if Lorikeet wrote the folder, and
  ///     [AdapterMetadata#PARAMETRIZATION] where GGUF can't hold PEFT's own
  /// @param template the chat template of the tokenizer that was saved with it
  public record Imported(
      LoraAdapter adapter,
      AdapterStorage storage,
      Optional<String> baseHash,
      Map<String, String> training,
      Optional<TrainedTemplate> template) {}

  /// Reads a folder.
  ///
  /// @param base the base it is for, converted from the model that PEFT adapted
  /// @throws InvalidInputException when it isn't complete, doesn't fit the base, or has what an
  ///     adapter in GGUF can't say, all of it named
  /// @throws IOException when a file can't be read
  public static Imported read(Path folder, GgufFile base) throws IOException {
    PeftConfig config = PeftConfig.read(folder);
    try (SafetensorsFile file = openWeights(folder)) {
      return new PeftImporter(base, file, config).read(folder);
    }
  }

  static SafetensorsFile openWeights(Path folder) throws IOException {
    Path weights = folder.resolve(PeftKeys.WEIGHTS);
    if (!Files.exists(weights)) {
      throw new InvalidInputException(
          Files.exists(folder.resolve("adapter_model.bin"))
              ? folder
                  + " has its weights in adapter_model.bin, which can hold programs and isn't read; save it with save_pretrained(safe_serialization=True)"
              : folder + " has no " + PeftKeys.WEIGHTS);
    }
    return SafetensorsFile.open(weights);
  }

  private Imported read(Path folder) throws IOException {
    List<String> problems = new ArrayList<>(config.unsaid());
    PeftTensors tensors = new PeftTensors(file, problems);
    PeftPairs pairs = new PeftPairs(base, file, config, problems);
    List<String> onlyMerged = new ArrayList<>(config.onlyMerged());
    onlyMerged.addAll(tensors.onlyMerged());
    problems.addAll(onlyMerged);
    Set<String> placed = new HashSet<>();
    List<PeftJoin.Joined> joined = new ArrayList<>();
    PeftPlaces places = PeftPlaces.of(base);
    for (GgufTensor tensor : base.tensors()) {
      List<PeftPlace> ofTensor = places.of(tensor);
      List<PeftJoin.ModulePair> parts = new ArrayList<>();
      for (PeftPlace place : ofTensor) {
        PeftTensors.Module module = tensors.modules().get(place.module());
        if (module != null) {
          placed.add(place.module());
          pairs.part(place, module).ifPresent(parts::add);
        }
      }
      if (!parts.isEmpty() && FixedMatrices.isIgnored(tensor.name())) {
        onlyMerged.add(tensor.name());
        problems.add(tensor.name() + " has no use for a pair: llama.cpp ignores adapters on it");
      } else if (!parts.isEmpty()) {
        joined.add(PeftJoin.join(tensor, parts));
      }
    }
    tensors.unplaced(placed).forEach(module -> problems.add(pairs.notInBase(module)));
    if (joined.isEmpty() && problems.isEmpty()) {
      problems.add("it holds no pair of matrices");
    }
    if (!problems.isEmpty()) {
      String merging =
          onlyMerged.isEmpty()
              ? ""
              : "; import --merge-into makes a whole model of magnitudes and whole weights";
      throw InvalidInputException.of(
          folder + " can't be an adapter in GGUF for " + base.path() + merging, problems);
    }
    List<PeftJoin.Joined> scaled = withOneAlpha(joined);
    LoraAdapter adapter =
        new LoraAdapter(
            base.metadata().requireString("general.architecture"),
            (float) scaled.getFirst().alpha(),
            scaled.stream().map(PeftJoin.Joined::pair).toList(),
            config.invocation().isEmpty()
                ? Optional.empty()
                : Optional.of(new Invocation(config.invocation())));
    Map<String, String> training =
        new LinkedHashMap<>(PeftTraining.parse(file.metadata().get(PeftKeys.TRAINING)));
    long changed = scaled.stream().filter(each -> !each.exact()).count();
    if (changed > 0) {
      training.put(
          AdapterMetadata.PARAMETRIZATION,
          "of %s of %s weights other than PEFT's".formatted(changed, scaled.size()));
    }
    return new Imported(
        adapter,
        storage(tensors),
        Optional.ofNullable(file.metadata().get(PeftKeys.BASE_HASH)),
        training,
        template(folder));
  }

  private Optional<TrainedTemplate> template(Path folder) throws IOException {
    String origin =
        file.metadata()
            .getOrDefault(PeftKeys.TEMPLATE_ORIGIN, "the chat template in PEFT's folder");
    return FolderTemplates.own(folder).map(text -> new TrainedTemplate(origin, text));
  }

  /// One alpha for all pairs: that of most of them, and the others' B multiplied.
  private static List<PeftJoin.Joined> withOneAlpha(List<PeftJoin.Joined> joined) {
    Map<Float, Integer> counts = new LinkedHashMap<>();
    joined.forEach(each -> counts.merge((float) each.alpha(), 1, Integer::sum));
    float alpha =
        counts.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow().getKey();
    return joined.stream().map(each -> each.withAlpha(alpha)).toList();
  }

  private static AdapterStorage storage(PeftTensors tensors) {
    Set<String> types = new LinkedHashSet<>();
    for (PeftTensors.Module module : tensors.modules().values()) {
      module.halves().values().forEach(tensor -> types.add(tensor.type().name()));
    }
    return types.equals(Set.of("F16"))
        ? AdapterStorage.F16
        : types.equals(Set.of("BF16")) ? AdapterStorage.BF16 : AdapterStorage.F32;
  }
}
