package io.lorikeet.quant;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufHeaderReader.RawTensor;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Checks the tensors of a GGUF file, each by itself and where they lie, and tells all problems at
/// once.
final class TensorLayout {
  private final long dataStart;
  private final long alignment;
  private final long fileSize;
  private final boolean withData;
  private final List<String> problems = new ArrayList<>();

  /// @param dataStart bytes from the file's beginning to the tensors' data
  /// @param withData whether the data has to lie within the file
  TensorLayout(long dataStart, long alignment, long fileSize, boolean withData) {
    this.dataStart = dataStart;
    this.alignment = alignment;
    this.fileSize = fileSize;
    this.withData = withData;
  }

  /// The tensors in the file's order.
  ///
  /// @throws InvalidInputException with all problems
  List<GgufTensor> check(String file, List<RawTensor> raw) {
    List<GgufTensor> tensors = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (RawTensor tensor : raw) {
      check(tensor).ifPresent(tensors::add);
      if (!names.add(new String(tensor.name(), StandardCharsets.UTF_8))) {
        problems.add("'" + GgufRules.printable(tensor.name()) + "': the name occurs twice");
      }
    }
    checkOverlaps(tensors);
    if (problems.isEmpty()) {
      checkGaps(tensors);
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          file + ": invalid tensors; download or convert the model again", problems);
    }
    if (withData) {
      checkEnd(file, tensors);
    }
    return tensors;
  }

  private Optional<GgufTensor> check(RawTensor raw) {
    String quoted = "'" + GgufRules.printable(raw.name()) + "'";
    int before = problems.size();
    GgufRules.problemOfTensorName(raw.name())
        .ifPresent(problem -> problems.add(quoted + ": the name " + problem));
    Optional<TensorType> type = TensorType.byId(raw.type());
    if (type.isEmpty()) {
      problems.add(quoted + ": " + unknownType(raw.type()));
      return Optional.empty();
    }
    List<Long> shape = trimmed(raw.shape());
    GgufRules.problemOfShape(type.get(), shape)
        .ifPresent(problem -> problems.add(quoted + ": " + problem));
    if (raw.offset() % alignment != 0) {
      problems.add(
          "%s: its offset %s isn't a multiple of the alignment %s"
              .formatted(quoted, Long.toUnsignedString(raw.offset()), alignment));
    }
    if (problems.size() > before) {
      return Optional.empty();
    }
    long bytes = GgufRules.bytes(type.get(), shape);
    if (raw.offset() < 0 || raw.offset() > Long.MAX_VALUE - dataStart - bytes - alignment) {
      problems.add(
          quoted + ": its offset " + Long.toUnsignedString(raw.offset()) + " is beyond any file");
      return Optional.empty();
    }
    String name = new String(raw.name(), StandardCharsets.UTF_8);
    return Optional.of(new GgufTensor(name, type.get(), shape, dataStart + raw.offset(), bytes, 0));
  }

  private static String unknownType(int id) {
    String removed = removedType(id);
    return removed == null
        ? "its type " + id + " isn't known to this version of ggml"
        : "its type %s (%s) was removed from ggml; use the model in Q4_0 or IQ4_NL"
            .formatted(removed, id);
  }

  /// Types that files of older programs have and ggml dropped; `enum ggml_type` leaves their ids
  /// out.
  private static @Nullable String removedType(int id) {
    return switch (id) {
      case 4 -> "Q4_2";
      case 5 -> "Q4_3";
      case 31 -> "Q4_0_4_4";
      case 32 -> "Q4_0_4_8";
      case 33 -> "Q4_0_8_8";
      case 36 -> "IQ4_NL_4_4";
      case 37 -> "IQ4_NL_4_8";
      case 38 -> "IQ4_NL_8_8";
      default -> null;
    };
  }

  /// Trailing dimensions of 1 say nothing; at least one dimension stays.
  private static List<Long> trimmed(List<Long> shape) {
    int size = shape.size();
    while (size > 1 && shape.get(size - 1) == 1) {
      size--;
    }
    return size == 0 ? List.of(1L) : shape.subList(0, size);
  }

  private void checkOverlaps(List<GgufTensor> tensors) {
    List<GgufTensor> byOffset = new ArrayList<>(tensors);
    byOffset.sort(Comparator.comparingLong(GgufTensor::offset));
    for (int i = 1; i < byOffset.size(); i++) {
      GgufTensor left = byOffset.get(i - 1);
      GgufTensor right = byOffset.get(i);
      if (left.offset() + left.bytes() > right.offset()) {
        problems.add(
            "'%s': its data at byte %s lies within that of '%s', %s bytes from %s"
                .formatted(right.name(), right.offset(), left.name(), left.bytes(), left.offset()));
      }
    }
  }

  /// `gguf.cpp` wants the data in the tensors' order and without gaps but for the alignment, so
  /// llama.cpp couldn't open the file. Each tensor is compared with the one before it: one shift is
  /// one problem.
  private void checkGaps(List<GgufTensor> tensors) {
    long expected = dataStart;
    for (GgufTensor tensor : tensors) {
      if (tensor.offset() != expected) {
        problems.add(
            "'%s': its data is at byte %s, but llama.cpp wants it at %s, after the tensor before"
                .formatted(tensor.name(), tensor.offset(), expected));
      }
      expected =
          dataStart + GgufRules.padded(tensor.offset() - dataStart + tensor.bytes(), alignment);
    }
  }

  private void checkEnd(String file, List<GgufTensor> tensors) {
    List<GgufTensor> beyond =
        tensors.stream().filter(tensor -> tensor.offset() + tensor.bytes() > fileSize).toList();
    if (!beyond.isEmpty()) {
      GgufTensor last = tensors.getLast();
      throw new InvalidInputException(
          ("%s: the file is cut short: it has %s bytes and needs %s. Of its %s tensors %s are"
                  + " incomplete, from '%s' on. Download or convert it again")
              .formatted(
                  file,
                  fileSize,
                  last.offset() + last.bytes(),
                  tensors.size(),
                  beyond.size(),
                  beyond.getFirst().name()));
    }
  }
}
