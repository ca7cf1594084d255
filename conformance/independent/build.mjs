// Makes one program of the connector: a host runs nothing but a program, and its digest
// must cover all that runs.
//
//   npm ci --ignore-scripts && npm run build [-- FILE]
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import postject from 'postject';
import protobuf from 'protobufjs';

const program = resolve(process.argv[2] ?? 'out/plugin-independent');
process.chdir(import.meta.dirname ?? dirname(new URL(import.meta.url).pathname));
mkdirSync('gen', { recursive: true });
mkdirSync('out', { recursive: true });
mkdirSync(dirname(program), { recursive: true });

// The contract: its service and messages, and what its data means. A confined process
// could not read them from files.
const protos = '../../sdk/proto';
const contract = 'connector/v1/connector.proto';
const root = new protobuf.Root();
root.resolvePath = (_, target) => (target.startsWith('google/') ? target : resolve(target));
await root.load([join(protos, contract), 'controller.proto'], { keepCase: true });
writeFileSync('gen/contract.json', JSON.stringify(root.toJSON()));

const meanings = '../../schemas/v1';
const schemas = readdirSync(meanings)
  .filter((name) => name.endsWith('.schema.json') && !name.startsWith('http.')) // the merchants' API is none of ours
  .map((name) => JSON.parse(readFileSync(join(meanings, name), 'utf8')));
writeFileSync('gen/schemas.json', JSON.stringify(schemas));

const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
const bin = (name) => join('node_modules', '.bin', name);
run(bin('proto-loader-gen-types'), '--keepCase', '--longs=String', '--enums=String', '--grpcLib=@grpc/grpc-js',
  '--outDir=gen', '-I', protos, '.', '--', contract, 'controller.proto');
run(bin('tsc'));

// One file of script, and Node by version with the script inside. Not the machine's own
// Node: a distribution's may be in two parts, and every machine's is another.
await build({
  entryPoints: ['src/main.ts'], outfile: 'out/connector.cjs',
  bundle: true, platform: 'node', target: 'node24', format: 'cjs', legalComments: 'none', logLevel: 'warning',
});
writeFileSync('out/sea.json', JSON.stringify({
  main: 'out/connector.cjs', output: 'out/connector.blob', disableExperimentalSEAWarning: true,
}));
const node = createRequire(import.meta.url).resolve(`node-linux-${process.arch}/bin/node`);
run(node, '--experimental-sea-config', 'out/sea.json');
copyFileSync(node, program);
chmodSync(program, 0o755);
await postject.inject(program, 'NODE_SEA_BLOB', readFileSync('out/connector.blob'), {
  sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
});
console.log(program);
