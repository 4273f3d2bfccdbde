/// Typed access to ggml: types, devices, tensors, operations and graphs. Nothing above this module
/// calls native code.
package io.lorikeet.bindings;
