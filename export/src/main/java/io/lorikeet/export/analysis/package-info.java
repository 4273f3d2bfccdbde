/// Analysis of adapters, and adapters made of adapters: singular values of their changes without
/// ever forming these, sums, and lower ranks.
@Beta
@NullMarked
package io.lorikeet.export.analysis;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
