"""From LiCSAR products to labelled tiles: wrap and unwrap, prepare, tile, label, 2-D spectrum."""
