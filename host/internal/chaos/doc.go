// Package chaos proves that no payment is lost and none is doubled, whatever dies.
//
// Its tests run the programs that are shipped, as processes: the daemon, the Smartpay
// connector and the stand-in Smartpay. They kill, stop and replace them at the worst
// moments, let merchants and operators go on as they would, and then compare three
// books: what merchants asked for and were told, what the host says of every payment,
// and what the provider, a process of its own with its own file, really moved. [Judge]
// compares; no side's word alone is enough.
//
// One host works alone on an embedded store, or several share a PostgreSQL server, which
// is killed and cut off as well.
//
// What it can show has limits: the provider is a stand-in, and the disk keeps what it says
// it has kept (processes are killed, never the machine). The daemon and the connector are
// built with the tag "failpoint", which adds a test's orders, to die and to be wrong about
// the time, and nothing else.
//
// Nothing that is shipped may import this package.
package chaos
