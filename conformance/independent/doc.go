// Package independent is a second connector for the reference provider, in TypeScript,
// written against connector.proto and the JSON Schemas without a line of our SDK. That
// it passes the suite is what shows that the contract is language-neutral; its folder is
// the template for authors in other languages, and README.md their guide.
//
// It offers what the profiles core, automatic-capture and refunds ask about, and claims
// no more. The Go in here builds it and holds it to them.
package independent
