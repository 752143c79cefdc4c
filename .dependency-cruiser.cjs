/** The house rules on imports: data flows one way, listener -> envelope -> route -> target, and no circles. */
const layer = (name, path, mayImport) => ({
  name: `${name}-knows-only-its-own`,
  severity: 'error',
  comment: `src/${name} may import ${mayImport.join(', ') || 'nothing else of ours'}`,
  from: { path },
  to: { path: '^src/', pathNot: [path, ...mayImport.map((each) => `^src/${each}`)] },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circle',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    layer('core', '^src/core/', []),
    layer('broker', '^src/broker/', ['core/', 'filter/']),
    layer('transport', '^src/transport/', ['core/']),
    layer('client', '^src/client/', ['core/', 'transport/']),
    layer('filter', '^src/filter/', ['core/']),
    layer('transform', '^src/transform/', ['core/']),
    layer('cloudevents', '^src/cloudevents/', ['core/']),
    layer('openmessaging', '^src/openmessaging/', ['core/']),
    layer('routing', '^src/routing/(?!route/)', ['core/', 'routing/']),
    layer('routing/route', '^src/routing/route/', [
      'core/',
      'filter/',
      'transform/',
      'cloudevents/',
      'openmessaging/',
    ]),
    layer('routing/targets', '^src/routing/targets/', ['core/', 'routing/route/']),
    layer('routing/plan', '^src/routing/plan/', ['core/', 'routing/(route|targets)/']),
    layer('routing/spool', '^src/routing/spool/', ['core/', 'routing/(route|targets)/']),
    layer('config', '^src/config/', [
      'core/',
      'routing/route/',
      'filter/',
      'transform/',
      'cloudevents/',
      'openmessaging/',
    ]),
    layer('trial', '^src/trial/', ['core/', 'routing/', 'config/']),
    layer('export', '^src/export/', ['core/', 'routing/route/', 'config/']),
    layer('admin', '^src/admin/', ['core/']),
    layer('store', '^src/store/', ['core/']),
    {
      name: 'protocols-know-neither-routes-nor-each-other',
      severity: 'error',
      from: { path: '^src/protocols/([^/]+)/' },
      to: { path: '^src/', pathNot: ['^src/protocols/$1/', '^src/(core|broker|transport|client|filter)/'] },
    },
    {
      name: 'libraries-stay-in-their-protocol',
      severity: 'error',
      comment: 'a protocol library is replaced inside one folder',
      from: { path: '^src/', pathNot: '^src/protocols/' },
      to: {
        path: 'node_modules/(aedes|mqtt|mqtt-packet|rhea|kafkajs|stompit|amqplib|rocketmq-client-nodejs)/',
      },
    },
    {
      name: 'the-disk-is-written-in-one-place',
      severity: 'error',
      comment: 'the store can be replaced inside one folder',
      from: { path: '^src/', pathNot: '^src/store/' },
      to: { path: 'node_modules/(lmdb|msgpackr)/' },
    },
    {
      name: 'cel-is-compiled-in-one-place',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/filter/' },
      to: { path: 'node_modules/@marcbachmann/cel-js/' },
    },
    {
      name: 'websockets-are-carried-in-one-place',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/transport/' },
      to: { path: 'node_modules/ws/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
