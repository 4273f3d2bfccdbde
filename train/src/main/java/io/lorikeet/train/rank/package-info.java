/// Ranks that fit the data (EVA, arXiv 2410.07170). llama.cpp reads some of the training data with
/// the base alone, and what goes into each adapted matrix is looked at: [InputSpectrum] finds the
/// directions in which it varies most. A budget of parameters is spent on the directions that hold
/// the largest shares of their matrices' variance ([RankBudget]), and A begins with them.
@NullMarked
package io.lorikeet.train.rank;

import org.jspecify.annotations.NullMarked;
