// Package page draws the hosted checkout page: what a buyer sees between a
// shop's "pay" and its "thank you".
//
// The page is one HTML document with its style inside, in Japanese or English,
// and needs no script. It says at the top that no money moves. The package
// draws and nothing else: what an answer does is the caller's business.
package page
