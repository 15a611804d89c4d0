#!/bin/sh
# A program for the route `exec`: reads a message a line, and answers each with a line. A real one would hand the PDUs to
# a modem or a gateway where this one looks at the last digit of the number.
number=0
while read -r line; do
    reference=${line#*\"ref\":\"}; reference=${reference%%\"*}
    msisdn=${line#*\"msisdn\":\"}; msisdn=${msisdn%%\"*}
    number=$((number + 1))
    case $msisdn in
    *9) echo "{\"ref\":\"$reference\",\"ok\":false,\"class\":\"permanent\",\"code\":\"barred\",\"text\":\"barred subscriber\"}" ;;
    *)
        echo "{\"ref\":\"$reference\",\"ok\":true,\"id\":\"m$number\"}"
        echo "{\"receipt\":\"delivered\",\"id\":\"m$number\"}"
        ;;
    esac
done
