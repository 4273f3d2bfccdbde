package io.lorikeet.models.family;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The tensors that a base has to have and those it may have, with their shapes (ne0 first), in the
/// order of a forward pass.
public final class TensorList {
  private final Set<String> present;
  private final Map<String, List<Long>> required = new LinkedHashMap<>();
  private final Map<String, List<Long>> optional = new LinkedHashMap<>();
  private final Map<String, String> unusable = new LinkedHashMap<>();
  private final Map<String, Long> piecesOf = new HashMap<>();
  private final List<String> adaptable = new ArrayList<>();
  private String prefix = "";
  private int layersBehind = Integer.MAX_VALUE;

  /// @param present names of the file's tensors: some have one form or another
  public TensorList(Set<String> present) {
    this.present = present;
  }

  /// Puts what is added next into a layer.
  public void startLayer(int index) {
    prefix = "blk." + index + ".";
  }

  /// Puts what is added next outside of all layers.
  public void endLayers() {
    prefix = "";
  }

  /// Leaves alone whatever tensors layers from this one on have.
  void leaveLayersFrom(int index) {
    layersBehind = index;
  }

  /// Whether a tensor belongs to a layer that is left alone.
  boolean isLeftAlone(String name) {
    String[] parts = name.split("\\.");
    return parts[0].equals("blk")
        && parts.length > 2
        && parts[1].matches("\\d{1,9}")
        && Integer.parseInt(parts[1]) >= layersBehind;
  }

  boolean isPresent(String name) {
    return present.contains(prefix + name);
  }

  /// A matrix that an adapter can adapt, named without `.weight`.
  public void matrix(String name, long inputs, long outputs) {
    String full = prefix + name + ".weight";
    required.put(full, List.of(inputs, outputs));
    adaptable.add(full);
  }

  /// A matrix, and a bias that may be missing.
  void biasedMatrix(String name, long inputs, long outputs) {
    matrix(name, inputs, outputs);
    optionalVector(name + ".bias", outputs);
  }

  /// One matrix for each expert.
  void experts(String name, long inputs, long outputs, long experts) {
    String full = prefix + name + ".weight";
    required.put(full, List.of(inputs, outputs, experts));
    adaptable.add(full);
  }

  /// A tensor that stays as it is, under its full name.
  public void frozen(String name, long... shape) {
    required.put(prefix + name, boxed(shape));
  }

  /// A tensor that some files have and that can't be used.
  ///
  /// @param reason follows the tensor's name in a message
  void unusable(String name, String reason) {
    unusable.put(prefix + name, reason);
  }

  /// Reasons by the names of tensors.
  Map<String, String> unusable() {
    return Collections.unmodifiableMap(unusable);
  }

  /// Whether a tensor must be F32, as all vectors, norms, kernels of convolutions, and the numbers
  /// of a state space's heads.
  public boolean isExact(String name) {
    List<Long> shape = required.getOrDefault(name, optional.getOrDefault(name, List.of()));
    return shape.size() == 1
        || isKernel(name)
        || name.endsWith("_norm.weight")
        || name.endsWith(".ssm_a")
        || name.endsWith(".ssm_d");
  }

  /// Whether a tensor holds the kernels of convolutions: `ggml_ssm_conv` takes it, not llama.cpp's
  /// `build_lora_mm`.
  public static boolean isKernel(String name) {
    return name.endsWith(".ssm_conv1d.weight") || name.endsWith(".shortconv.conv.weight");
  }

  public void optionalVector(String name, long length) {
    optionalFrozen(name, length);
  }

  /// A tensor that may be missing and stays as it is, under its full name.
  void optionalFrozen(String name, long... shape) {
    optional.put(prefix + name, boxed(shape));
  }

  /// A tensor that stays as it is and whose rows are taken apart.
  ///
  /// @param pieces elements of each piece of a row; the type's blocks have to fit
  void frozenPieces(String name, long pieces, long... shape) {
    frozen(name, shape);
    piecesOf.put(prefix + name, pieces);
  }

  /// Elements of the pieces that a tensor's rows are taken apart into; 0 where they stay whole.
  long piecesOf(String name) {
    return piecesOf.getOrDefault(name, 0L);
  }

  /// A matrix that may be missing, which an adapter can adapt.
  public void optionalMatrix(String name, long inputs, long outputs) {
    optional.put(prefix + name + ".weight", List.of(inputs, outputs));
    adaptable.add(prefix + name + ".weight");
  }

  private static List<Long> boxed(long... shape) {
    List<Long> boxed = new ArrayList<>();
    for (long extent : shape) {
      boxed.add(extent);
    }
    return boxed;
  }

  public Map<String, List<Long>> required() {
    return Collections.unmodifiableMap(required);
  }

  public Map<String, List<Long>> optional() {
    return Collections.unmodifiableMap(optional);
  }

  /// The matrices that an adapter could adapt if all of them were there.
  List<String> possible() {
    return List.copyOf(adaptable);
  }

  /// The matrices that an adapter can adapt, those among them that are optional only where present.
  public List<String> adaptable() {
    return adaptable.stream()
        .filter(name -> required.containsKey(name) || present.contains(name))
        .toList();
  }
}
