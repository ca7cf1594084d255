// Package api speaks the reference provider's HTTP API in the provider's own words.
//
// It sends each request once, and says of every call that failed whether the provider
// can have received it. It follows no redirects, keeps nothing between calls, and
// knows nothing of the contract between host and connector: translating is the
// connector's work.
package api
