/// Conversations, before any template has made a text of them.
@NullMarked
package io.lorikeet.models.chat;

import org.jspecify.annotations.NullMarked;
