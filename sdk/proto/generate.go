// Package proto holds the wire contract, for authors of connectors in any language.
//
// The Go code generated from it lives in sdk/internal/gen and has one reader, the
// conversion layer sdk/internal/wire; connectors in Go use package sdk instead.
package proto

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 lint
//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate
