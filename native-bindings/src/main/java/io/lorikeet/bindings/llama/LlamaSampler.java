package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.NativeLibrary;
import io.lorikeet.bindings.NativeResources;
import io.lorikeet.llama.Llama;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Chooses the next token from the logits of a context.
public final class LlamaSampler implements AutoCloseable {
  private static final String KIND = "llama sampler";

  /// Tokens less likely than this share of the likeliest are never chosen: llama.cpp's own default.
  private static final float MIN_P = 0.05f;

  private @Nullable MemorySegment chain;

  private LlamaSampler(MemorySegment chain) {
    this.chain = chain;
  }

  /// Makes a sampler.
  ///
  /// @param temperature divides the logits; 0 chooses the likeliest token always. Above 0, tokens
  ///     less than a twentieth as likely as the likeliest are left out first, as llama.cpp's
  /// programs do.
  /// @param seed the same seed gives the same choices; its two halves are mixed into llama.cpp's 32
  ///     bits
  public static LlamaSampler create(float temperature, long seed) {
    if (!(temperature >= 0) || Float.isInfinite(temperature)) {
      throw new IllegalArgumentException("a temperature is 0 or more, not " + temperature);
    }
    MemorySegment chain;
    try (Arena arena = Arena.ofConfined()) {
      NativeLibrary.load();
      chain = Llama.llama_sampler_chain_init(Llama.llama_sampler_chain_default_params(arena));
    }
    if (temperature == 0) {
      Llama.llama_sampler_chain_add(chain, Llama.llama_sampler_init_greedy());
    } else {
      Llama.llama_sampler_chain_add(chain, Llama.llama_sampler_init_min_p(MIN_P, 1));
      Llama.llama_sampler_chain_add(chain, Llama.llama_sampler_init_temp(temperature));
      Llama.llama_sampler_chain_add(chain, Llama.llama_sampler_init_dist(nativeSeed(seed)));
    }
    NativeResources.opened(KIND);
    return new LlamaSampler(chain);
  }

  private static int nativeSeed(long seed) {
    int mixed = Long.hashCode(seed);
    // llama.cpp takes this one for "any seed".
    return mixed == Llama.LLAMA_DEFAULT_SEED() ? mixed - 1 : mixed;
  }

  /// Chooses the token after the last one that the context decoded.
  ///
  /// @throws IllegalStateException when the context has decoded none
  public int sample(LlamaContext context) {
    if (chain == null) {
      throw new IllegalStateException("the sampler is closed");
    }
    context.requireLogits();
    return Llama.llama_sampler_sample(chain, context.handle(), -1);
  }

  @Override
  public void close() {
    if (chain != null) {
      Llama.llama_sampler_free(chain);
      chain = null;
      NativeResources.closed(KIND);
    }
  }
}
