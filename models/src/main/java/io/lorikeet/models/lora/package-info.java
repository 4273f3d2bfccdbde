/// Low-rank adapters (LoRA, arXiv 2106.09685): which matrices they adapt, their parameters on a
/// device, and the finished adapter in host memory.
@NullMarked
package io.lorikeet.models.lora;

import org.jspecify.annotations.NullMarked;
