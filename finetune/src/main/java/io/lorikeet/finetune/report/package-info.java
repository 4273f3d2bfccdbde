/// The report of a run: one HTML file in the run's folder that needs nothing else, with what was
/// trained on which data, the curves, the proof and how to serve the adapter. [RunRecorder] listens
/// to a run and keeps its [RunSummary] beside the metrics. [ReportPage] makes the page of both, so
/// that a page can be made again at any time.
@Beta
@NullMarked
package io.lorikeet.finetune.report;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
