// Package proxy stands between a connector and its provider, writes down everything
// that passes, and breaks the connection on request.
//
// A [Proxy] speaks plain HTTP/1.1 on a loopback address and forwards to one upstream,
// byte for byte: method, target, header names, their order and their case, framing and
// body leave as they came, and so does the answer. It knows no provider's dialect.
//
// What it promises:
//
//   - A request is forwarded once it has wholly arrived, on a connection of its own, and
//     never again unless a fault says so. It is then carried to its end even if the
//     connector has left, so that the record tells what the provider did.
//   - A request that a fault keeps from the upstream never reaches it, not in part.
//   - Faults strike requests in the order in which their heads arrived; keep-alive
//     connections are kept, and a fault may strike any request on them.
//   - Every TCP connection is counted, also one that never carried a byte, and every
//     byte that looked like the beginning of a request becomes an [Exchange].
//   - After [Proxy.Settle] the record is complete: whatever had been sent to the proxy
//     before the call is in it.
//   - After [Proxy.Close] no goroutine and no socket is left.
//
// Its limits: no TLS, no HTTP/2, no upgrades or tunnels, no name other than 127.0.0.1.
// The Host header is the one that the connector wrote, which names the proxy. "Expect:
// 100-continue" is answered by the proxy. The departure of a connector that sent its next
// request before the answer to the last (pipelining) is noticed only with that request.
// While connections are refused the attempts cannot be counted. Whatever lasts longer than
// [Limit], is larger than [MaxBody] or comes more often than [MaxExchanges] is cut off, and the
// exchange or [Proxy.Close] says so.
package proxy
