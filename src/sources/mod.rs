//! Sources: nouns that give columns.
