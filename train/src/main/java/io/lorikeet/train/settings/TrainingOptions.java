package io.lorikeet.train.settings;

import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/// Requested settings of a training run: by flags, by a configuration file, in Java. Nothing needs
/// to be given until [#resolve] makes a [TrainingConfig] of it.
///
/// ```java
/// TrainingConfig config =
///     new TrainingOptions().model(base).data(examples).output(adapter).resolve();
/// ```
public final class TrainingOptions {
  /// A value and where it stands (`config.yaml, line 3`); empty where it was set by a flag or in
  /// Java.
  private record Given(Object value, String origin) {}

  private final Map<Setting<?>, Given> values = new LinkedHashMap<>();
  private final List<Path> files = new ArrayList<>();

  /// Options of which none is given.
  public TrainingOptions() {}

  public TrainingOptions model(Path file) {
    return set(Settings.MODEL, file);
  }

  public TrainingOptions data(Path... files) {
    return set(Settings.DATA, Arrays.stream(files).map(DataSource::of).toList());
  }

  public TrainingOptions output(Path file) {
    return set(Settings.OUTPUT, file);
  }

  public TrainingOptions validation(Path file) {
    return set(Settings.VALIDATION, new ValidationData.FromFile(DataSource.of(file)));
  }

  public TrainingOptions validation(double share) {
    return set(Settings.VALIDATION, new ValidationData.Fraction(share));
  }

  /// Sets any setting; null takes it back.
  public <T> TrainingOptions set(Setting<T> setting, @Nullable T value) {
    if (value == null) {
      values.remove(setting);
    } else {
      values.put(setting, new Given(value, ""));
    }
    return this;
  }

  /// Sets any setting.
  ///
  /// @param origin where it stands, for messages
  <T> void set(Setting<T> setting, T value, String origin) {
    values.put(setting, new Given(value, origin));
  }

  /// Names a file that these options were read from, which the run must not overwrite.
  public TrainingOptions readFrom(Path file) {
    files.add(file);
    return this;
  }

  /// The files that the options were read from.
  List<Path> files() {
    return files;
  }

  /// Sets a setting from text, as a flag or a configuration file has it.
  ///
  /// @param texts its value, or its values where it takes several
  /// @param origin where they stand, for messages; empty for a flag
  /// @throws IllegalArgumentException with what was expected
  public void setText(Setting<?> setting, List<String> texts, String origin) {
    values.put(setting, new Given(setting.parse(texts), origin));
  }

  /// The given value of a setting.
  @SuppressWarnings("unchecked") // set and setText only put in a setting's own type
  public <T> Optional<T> get(Setting<T> setting) {
    return Optional.ofNullable(values.get(setting)).map(given -> (T) given.value());
  }

  /// These settings, and of the others those that aren't given here. `steps` and `epochs` replace
  /// each other.
  public TrainingOptions orElse(TrainingOptions others) {
    TrainingOptions both = new TrainingOptions();
    both.files.addAll(files);
    both.files.addAll(others.files);
    both.values.putAll(others.values);
    if (values.containsKey(Settings.STEPS) || values.containsKey(Settings.EPOCHS)) {
      both.values.remove(Settings.STEPS);
      both.values.remove(Settings.EPOCHS);
    }
    both.values.putAll(values);
    return both;
  }

  /// Fills in the defaults and checks everything, files included.
  ///
  /// @throws InvalidInputException with all that is wrong, and for a base that can't be trained
  /// @throws UncheckedIOException when the base can't be read
  public TrainingConfig resolve() {
    return resolve(TrainingOptions::contextOf);
  }

  private static int contextOf(Path model) {
    try (GgufFile base = GgufFile.open(model)) {
      return ModelConfig.of(base).contextLength();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Fills in the defaults and checks everything, files included.
  ///
  /// @param contextOfBase reads the base's context length in tokens; asked when nothing else is
  ///     wrong
  /// @throws InvalidInputException with all that is wrong
  public TrainingConfig resolve(ToIntFunction<Path> contextOfBase) {
    return new TrainingOptionsCheck(this).resolve(contextOfBase);
  }

  /// Fills in the defaults and checks nothing: for the settings of a run that was begun, whose
  /// files may lie elsewhere by now.
  public TrainingConfig unchecked() {
    return new TrainingConfig(values());
  }

  /// Fills in the defaults and checks what has to do with data; no output is needed.
  ///
  /// @throws InvalidInputException with all that is wrong, and for a base that can't be trained
  /// @throws UncheckedIOException when the base can't be read
  public TrainingConfig resolveData() {
    return resolveData(TrainingOptions::contextOf);
  }

  /// As [#resolveData()].
  ///
  /// @param contextOfBase as for [#resolve]
  /// @throws InvalidInputException with all that is wrong
  public TrainingConfig resolveData(ToIntFunction<Path> contextOfBase) {
    return new TrainingOptionsCheck(this).resolveData(contextOfBase);
  }

  /// The values that were given.
  Map<Setting<?>, Object> values() {
    Map<Setting<?>, Object> plain = new HashMap<>();
    values.forEach((setting, given) -> plain.put(setting, given.value()));
    return plain;
  }

  /// The setting's key, and where it was given if in a file.
  String describe(Setting<?> setting) {
    Given given = values.get(setting);
    String origin = given == null ? "" : given.origin();
    return origin.isEmpty() ? setting.key() : setting.key() + " (" + origin + ")";
  }
}
