/// Merging adapters into their base, for tools that load no adapters, and measuring the losses.
package io.lorikeet.export.merge;
