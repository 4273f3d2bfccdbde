/// Merging adapters into their base, for tools that load no adapters, and measuring the losses.
@Beta
@NullMarked
package io.lorikeet.export.merge;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
