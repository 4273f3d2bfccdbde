package io.lorikeet.export.merge;

import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.merge.MergedMatrix;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// The changes of each weight by several adapters.
final class AdapterParts {
  private final Map<String, List<MergedMatrix.ScaledPair>> parts = new HashMap<>();

  AdapterParts(List<AdapterMerger.Adapter> adapters) {
    for (AdapterMerger.Adapter adapter : adapters) {
      for (LoraPair pair : adapter.adapter().pairs()) {
        float factor = (float) (adapter.scale() * adapter.adapter().alpha() / pair.rank());
        parts
            .computeIfAbsent(pair.baseTensor(), _ -> new ArrayList<>())
            .add(new MergedMatrix.ScaledPair(pair, factor));
      }
    }
  }

  boolean adapt(String baseTensor) {
    return parts.containsKey(baseTensor);
  }

  List<MergedMatrix.ScaledPair> of(String baseTensor) {
    return Objects.requireNonNull(parts.get(baseTensor), "asked for adapted weights alone");
  }
}
