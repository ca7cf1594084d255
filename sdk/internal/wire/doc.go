// Package wire converts between package sdk and the messages of connector.v1, and is
// the only reader of the generated code.
//
// [Client] makes a gRPC connection to a connector into an [sdk.Remote]; [Register]
// serves an [sdk.Connector] on a gRPC server. Both are needed for one reason: what a
// call that failed says about money is decided here, from evidence of what left the
// process and never from the text of an error.
//
// The package starts no process, opens no socket and keeps no goroutine.
package wire
