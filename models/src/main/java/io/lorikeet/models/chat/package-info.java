/// Conversations, before any template has made a text of them.
package io.lorikeet.models.chat;
