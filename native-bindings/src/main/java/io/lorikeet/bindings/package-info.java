/// Typed access to ggml: types, devices, tensors, operations and graphs. Nothing above this module
/// calls native code.
@NullMarked
package io.lorikeet.bindings;

import org.jspecify.annotations.NullMarked;
