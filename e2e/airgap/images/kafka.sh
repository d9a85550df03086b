#!/bin/bash
# Apache Kafka: its jars from Maven Central on a Java runtime of only the modules it needs, uid 1000. An archive of
# loaded classes shortens the start of the broker and of the tools to a third.
. "$(dirname "$0")/root.sh"
command -v mvn >/dev/null || die "The Kafka image needs Maven for its jars: apt-get install maven, and try again."

jdk=$work/jdk
unpack "$jdk" base-files libc6 libgcc-s1 libstdc++6 zlib1g "openjdk-$JAVA_VERSION-jre-headless" "openjdk-$JAVA_VERSION-jdk-headless"
java_home=/usr/lib/jvm/java-$JAVA_VERSION-openjdk-amd64
rm -f "$jdk$java_home/lib/security/cacerts" # a link into a package that isn't here
# The broker dies without java.desktop; stripping debug information altogether would take line numbers from stack traces.
mount --bind /proc "$jdk/proc" # Java finds its own libraries by it
chroot "$jdk" "$java_home/bin/jlink" --output /java --strip-java-debug-attributes --no-header-files --no-man-pages --compress=zip-0 \
  --add-options="-XX:SharedArchiveFile=/opt/kafka/classes.jsa -Xlog:cds=error" \
  --add-modules java.base,java.desktop,java.compiler,java.instrument,java.logging,java.management,java.naming,java.net.http,java.rmi,java.scripting,java.security.jgss,java.security.sasl,java.sql,java.xml,jdk.crypto.ec,jdk.management,jdk.management.agent,jdk.net,jdk.unsupported,jdk.zipfs
rm -f "$jdk"/java/lib/lib{awt,fontmanager,freetype,javajpeg,lcms,mlib_image,splashscreen,jsound}*

unpack "$root" base-files netbase tzdata ca-certificates dash libc6 libgcc-s1 libstdc++6 zlib1g
mkdir -p "$root"/opt/{java,kafka/libs/jars}
mv "$jdk/java" "$root/opt/java/openjdk"
certificates
ln -sf dash "$root/usr/bin/sh"
users kafka:1000
ldconfig -r "$root"
all_libraries_there /opt/java/openjdk/lib/server/libjvm.so

mvn -q -B -f "$here/kafka/pom.xml" -Dkafka.version="$KAFKA_VERSION" dependency:copy-dependencies \
  -DincludeScope=runtime -DoutputDirectory="$root/opt/kafka/libs/jars"
cp -r "$here/kafka/config" "$root/opt/kafka/config"
# The class archive holds only for the class path it was made with, in its order, and the order of `libs/*` is the file
# system's. So libs/ has one jar: an empty one that names the others.
{
  printf 'Class-Path:'
  (cd "$root/opt/kafka/libs" && printf ' %s \n ' jars/*.jar)
} | sed '/^ *$/d' >"$jdk/tmp/manifest"
chroot "$jdk" "$java_home/bin/jar" --create --file=/tmp/kafka.jar --manifest=/tmp/manifest
mv "$jdk/tmp/kafka.jar" "$root/opt/kafka/libs/"

final=$IMAGE
IMAGE=tracklore/kafka-untrained
pack <<'D'
ENV PATH=/opt/java/openjdk/bin:/usr/bin JAVA_HOME=/opt/java/openjdk
WORKDIR /opt/kafka
USER 1000:1000
D

out=$work/out
install -d -m 777 "$out"
docker run --rm --network none -v "$here/kafka:/train:ro" -v "$out:/out" "$IMAGE" sh /train/train.sh
# Plain names alone: numbers are the single run's own, and classes of other loaders can't be archived.
sed -E '/source:/d; s/ id: [0-9]+$//' "$out"/*.lst | awk '!seen[$0]++' >"$out/all"
docker run --rm --network none -v "$out:/out" "$IMAGE" java -Xshare:dump -XX:SharedClassListFile=/out/all \
  -XX:SharedArchiveFile=/out/classes.jsa -cp '/opt/kafka/libs/*'
mkdir "$work/trained"
install -m 644 "$out/classes.jsa" "$work/trained/"
printf 'FROM %s\nCOPY classes.jsa /opt/kafka/\n' "$IMAGE" >"$work/trained/Dockerfile"
IMAGE=$final
build_image "$work/trained"
docker rmi tracklore/kafka-untrained >/dev/null
