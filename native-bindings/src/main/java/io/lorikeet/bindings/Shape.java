package io.lorikeet.bindings;

/// The extents of a tensor in ggml's order: `ne0` is the fastest-changing one, a row's length.
public record Shape(long ne0, long ne1, long ne2, long ne3) {

  public Shape {
    if (ne0 < 1 || ne1 < 1 || ne2 < 1 || ne3 < 1) {
      throw new GgmlException(
          "a tensor can't have the shape [" + ne0 + ", " + ne1 + ", " + ne2 + ", " + ne3 + "]");
    }
  }

  public static Shape of(long ne0) {
    return new Shape(ne0, 1, 1, 1);
  }

  public static Shape of(long ne0, long ne1) {
    return new Shape(ne0, ne1, 1, 1);
  }

  public static Shape of(long ne0, long ne1, long ne2) {
    return new Shape(ne0, ne1, ne2, 1);
  }

  /// Rows: everything but `ne0`.
  public long rows() {
    return Math.multiplyExact(Math.multiplyExact(ne1, ne2), ne3);
  }

  public long elements() {
    return Math.multiplyExact(ne0, rows());
  }

  /// Bytes of a contiguous tensor of this shape.
  public long bytes(TensorType type) {
    return Math.multiplyExact(type.rowBytes(ne0), rows());
  }

  /// Whether a tensor of this shape can be repeated to fill `target`: each extent divides the
  /// target's.
  public boolean repeatsTo(Shape target) {
    return target.ne0 % ne0 == 0
        && target.ne1 % ne1 == 0
        && target.ne2 % ne2 == 0
        && target.ne3 % ne3 == 0;
  }

  @Override
  public String toString() {
    if (ne3 > 1) {
      return "[" + ne0 + ", " + ne1 + ", " + ne2 + ", " + ne3 + "]";
    }
    return ne2 > 1 ? "[" + ne0 + ", " + ne1 + ", " + ne2 + "]" : "[" + ne0 + ", " + ne1 + "]";
  }
}
