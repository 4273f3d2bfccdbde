package io.lorikeet.train.settings;

import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// The description of a setting, under the one name that a flag (`--learning-rate`) and a line of a
/// configuration file (`learning-rate: 2e-4`) share. [Settings] has them all.
///
/// @param <T> type of its value
public final class Setting<T> {
  /// Settings that help shows together.
  public enum Group {
    FILES("Files and names"),
    LENGTH("Batches and length of the run"),
    OPTIMIZER("Optimizer"),
    ADAPTER("Adapter"),
    COMPUTATION("Device, memory and precision"),
    EXAMPLES("Data"),
    PREFERENCES("Preferences"),
    CARE("Validation, checkpoints and failures");

    private final String title;

    Group(String title) {
      this.title = title;
    }

    /// Above its settings.
    public String title() {
      return title;
    }
  }

  /// A property of a setting that other parts of the program ask for.
  public enum Trait {
    /// It is one of the ten that matter most: help shows it first.
    FIRST,
    /// It has to do with data: `lorikeet data` takes it, too.
    OF_DATA,
    /// It decides the tokens of any data: kept tokens are those of one value.
    OF_TOKENS,
    /// An adapter that a run begins with brings it along.
    OF_INITIAL_ADAPTER,
    /// It says nothing about the adapter, whose metadata leaves it out: equal ones shall not
    /// differ.
    UNRECORDED,
    /// It may change when a run is resumed: what is trained stays as it is. Base and data may lie
    /// elsewhere, but must be the same.
    MAY_CHANGE
  }

  private final Group group;
  private final String key;
  private final SettingType<T> type;
  private final Set<Trait> traits = EnumSet.noneOf(Trait.class);
  private List<String> otherNames = List.of();
  private String help = "";
  private String defaultInWords = "";
  private Function<TrainingConfig, Optional<T>> fallback = _ -> Optional.empty();

  Setting(Group group, String key, SettingType<T> type) {
    this.group = group;
    this.key = key;
    this.type = type;
  }

  /// @param line one line for people, without the default
  Setting<T> help(String line) {
    help = line;
    return this;
  }

  Setting<T> defaultsTo(T value) {
    return defaultsTo(inWords(type.writer().apply(value)), _ -> Optional.of(value));
  }

  /// @param value is made of the settings that were given, and of the defaults before this one
  Setting<T> defaultsTo(String inWords, Function<TrainingConfig, Optional<T>> value) {
    defaultInWords = inWords;
    fallback = value;
    return this;
  }

  /// Where it isn't given, it has no value: the run decides.
  Setting<T> undecided(String inWords) {
    return defaultsTo(inWords, _ -> Optional.empty());
  }

  Setting<T> marked(Trait... own) {
    traits.addAll(List.of(own));
    return this;
  }

  /// @param names that other programs have for it
  Setting<T> alsoKnownAs(String... names) {
    otherNames = List.of(names);
    return this;
  }

  /// Name in a configuration file; with `--` before it, the flag's.
  public String key() {
    return key;
  }

  /// Names of the same in other programs.
  List<String> otherNames() {
    return otherNames;
  }

  public Group group() {
    return group;
  }

  public boolean is(Trait trait) {
    return traits.contains(trait);
  }

  /// The placeholder of the value in help.
  public String placeholder() {
    return type.placeholder();
  }

  /// The words that it takes one of; empty where there are others, too.
  public List<String> choices() {
    return type.choices();
  }

  /// The values that there may be, in words; empty where the placeholder says all.
  public String bounds() {
    return type.rule();
  }

  /// One line for people, without the default.
  public String help() {
    return help;
  }

  /// Its default in words; empty where it has none.
  public String defaultInWords() {
    return defaultInWords;
  }

  /// One line for people, with the default.
  public String description() {
    return defaultInWords.isEmpty() ? help : help + " (default: " + defaultInWords + ")";
  }

  /// Whether it takes several values.
  public boolean list() {
    return type.list();
  }

  /// Whether its value is true or false, so that a flag alone can mean true.
  public boolean isSwitch() {
    return type.isOnOrOff();
  }

  /// Reads its value from text.
  ///
  /// @throws IllegalArgumentException with what was expected
  public T parse(List<String> texts) {
    return type.reader().apply(texts);
  }

  /// Its value in a configuration as YAML has it, text, a number, a truth value or a list; empty
  /// where it has none.
  public Optional<Object> written(TrainingConfig config) {
    return config
        .find(this)
        .map(type.writer())
        .filter(value -> !value.equals("") && !value.equals(List.of()));
  }

  /// Says what is wrong with a value that was given in Java.
  Optional<String> problem(T value) {
    return type.bounds().test(value)
        ? Optional.empty()
        : Optional.of("must be " + type.rule() + ", is " + value);
  }

  /// Its value where it wasn't given; empty where the run decides.
  Optional<T> fallback(TrainingConfig config) {
    return fallback.apply(config);
  }

  private static String inWords(Object written) {
    return switch (written) {
      case Double number -> DecimalRange.shortest(number);
      case List<?> list -> String.join(", ", list.stream().map(String::valueOf).toList());
      default -> written.toString();
    };
  }

  /// A choice as flags and configuration files have it.
  public static String name(Enum<?> value) {
    return SettingType.name(value);
  }

  @Override
  public String toString() {
    return key;
  }
}
