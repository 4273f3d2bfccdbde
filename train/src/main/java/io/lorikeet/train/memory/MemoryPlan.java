package io.lorikeet.train.memory;

import java.util.List;

/// The memory that a run laid out in some way takes. The sizes of tensors and scratch come from
/// ggml's own allocators, over the very graphs that will run.
///
/// @param items the things that take it
/// @param onHost whether the device's memory is this process's
public record MemoryPlan(Placement placement, List<PlanItem> items, boolean onHost) {

  /// Something that takes memory.
  ///
  /// @param device bytes of the device's memory
  /// @param host bytes of the host's memory
  /// @param mapped bytes of mapped files, which the system can take back
  public record PlanItem(String what, long device, long host, long mapped) {}

  public MemoryPlan {
    items = List.copyOf(items);
  }

  /// Bytes of the device's memory.
  public long device() {
    return items.stream().mapToLong(PlanItem::device).sum();
  }

  /// Bytes of the host's memory.
  public long host() {
    return items.stream().mapToLong(PlanItem::host).sum();
  }

  /// Bytes of the host's memory that one of the things takes; 0 where it isn't there.
  long hostOf(String what) {
    return items.stream().filter(item -> item.what().equals(what)).mapToLong(PlanItem::host).sum();
  }

  /// Bytes of mapped files.
  public long mapped() {
    return items.stream().mapToLong(PlanItem::mapped).sum();
  }

  /// Bytes of this process when all of it is resident: the device's only where they are on the
  /// host.
  public long process() {
    return host() + mapped() + (onHost ? device() : 0);
  }
}
