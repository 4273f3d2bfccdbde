/// Merging adapters into their base, for tools that load no adapters, and measuring the losses.
@NullMarked
package io.lorikeet.export.merge;

import org.jspecify.annotations.NullMarked;
