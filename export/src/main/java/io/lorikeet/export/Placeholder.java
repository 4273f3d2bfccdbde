package io.lorikeet.export; final class Placeholder {}
