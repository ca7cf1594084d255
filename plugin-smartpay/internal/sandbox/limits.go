package sandbox

import "unicode/utf8"

// What a request may hold. The marks are those of smartpay-api.md §0.1: [DOC]
// stated by the provider's documentation, [3P] by a third party that runs a
// connector, [INF] inferred, [UNK] unknown and chosen here.
const (
	// maxItems is the longest cart. [3P]: the documentation says 50, but a third
	// party that runs a connector caps carts at 249, so the real limit may be higher.
	maxItems = 249

	// maxAmount is the largest amount. [UNK]; this is what a client that keeps
	// numbers as IEEE doubles can still hold exactly.
	maxAmount = 1<<53 - 1

	maxText        = 255  // [DOC] any text, unless its field says otherwise
	maxReference   = 40   // [DOC] a merchant's reference, at least 1
	maxDescription = 80   // [DOC] the description of an order, at least 1
	maxLocality    = 80   // [DOC] the city of an address
	maxURL         = 2048 // [UNK] an address; 255 would be too short for real ones
	maxImages      = 8    // [DOC] pictures of an item

	maxMetadata      = 20  // [DOC] pairs
	maxMetadataKey   = 40  // [DOC] characters
	maxMetadataValue = 200 // [DOC] characters

	maxBody = 1 << 20 // [UNK] bytes of a request

	defaultPage = 20  // [SDK] results on a page when none are asked for
	maxPage     = 100 // [UNK] results on a page at most; more are asked for in vain

	realm = "Smartpay API" // [INF] the realm of a 401
)

// characters counts text as the limits do. [UNK] whether the provider counts
// code points or UTF-16 units; the two differ only for characters beyond the
// basic plane, such as emoji and rare kanji.
func characters(text string) int { return utf8.RuneCountInString(text) }
