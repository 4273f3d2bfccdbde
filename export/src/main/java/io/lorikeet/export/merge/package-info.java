/// Merging adapters into their base, for tools that load no adapters, and what is lost by it.
package io.lorikeet.export.merge;
