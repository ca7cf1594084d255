package wire

import "google.golang.org/grpc"

// MaxRequest is the largest request in bytes that a Client sends and a connector must
// accept. A server gets it with grpc.MaxRecvMsgSize.
const MaxRequest = 4 << 20

// maxHeaders bounds what a connector can send beside an answer, in bytes: the contract
// has no metadata, and gRPC's own bound is 16 MiB a call.
const maxHeaders = 64 << 10

// DialOptions are what every connection to a connector needs: evidence of what was
// sent, no reply larger than maxReply bytes, no request larger than [MaxRequest], no
// retries by gRPC, and no idling, after which a socket whose file is gone could not
// be dialled again.
func DialOptions(maxReply int) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithStatsHandler(watcher{}),
		grpc.WithDisableRetry(),
		grpc.WithIdleTimeout(0),
		grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxReply),
			grpc.MaxCallSendMsgSize(MaxRequest),
		),
	}
}
